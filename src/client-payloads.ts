import type { Client } from '@temporalio/client';
import { z } from 'zod';

type DataConverter = Client['options']['loadedDataConverter'];

/** Payloads as the server has them. */
export type Payloads = Parameters<DataConverter['payloadCodecs'][number]['decode']>[0];
type Payload = Payloads[number];

/** Type of the payload that the SDK writes in the place of one that External Storage keeps. */
const REFERENCE_TYPE = 'temporal.api.sdk.v1.ExternalStorageReference';

const referenceSchema = z.object({ driverName: z.string(), claimData: z.record(z.string(), z.string()).default({}) });

/** Values of payloads as the server keeps them, by the client's own data converter. Throws if it does not know how. */
export async function decodePayloads(client: Client, payloads: Payloads | null | undefined): Promise<unknown[]> {
  if (payloads === null || payloads === undefined || payloads.length === 0) return [];
  const { payloadCodecs, payloadConverter, externalStorage } = client.options.loadedDataConverter;
  let decoded = await Promise.all(payloads.map((payload) => retrieve(payload, externalStorage)));
  for (const codec of [...payloadCodecs].reverse()) decoded = await codec.decode(decoded);
  return decoded.map((payload): unknown => payloadConverter.fromPayload(payload));
}

/** Returns a payload itself in the place of a reference to External Storage. */
async function retrieve(payload: Payload, storage: DataConverter['externalStorage']): Promise<Payload> {
  if (text(payload.metadata?.messageType) !== REFERENCE_TYPE) return payload;
  const { driverName, claimData } = referenceSchema.parse(JSON.parse(text(payload.data)));
  const [stored] = (await storage?.getDriver(driverName)?.retrieve({}, [{ claimData }])) ?? [];
  if (stored === undefined) throw new Error(`it is in External Storage, and there is no driver "${driverName}" here`);
  return stored;
}

function text(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}
