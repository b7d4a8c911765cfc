import type { Client } from '@temporalio/client';

/** Payloads as the server has them. */
export type Payloads = Parameters<Client['options']['loadedDataConverter']['payloadCodecs'][number]['decode']>[0];

/** Values of payloads as the server keeps them, by the client's own data converter. Throws where it does not know how. */
export async function decodePayloads(client: Client, payloads: Payloads | null | undefined): Promise<unknown[]> {
  const { payloadCodecs, payloadConverter } = client.options.loadedDataConverter;
  let decoded = payloads ?? [];
  for (const codec of [...payloadCodecs].reverse()) decoded = await codec.decode(decoded);
  return decoded.map((payload): unknown => payloadConverter.fromPayload(payload));
}
