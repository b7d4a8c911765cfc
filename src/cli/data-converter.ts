import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { z } from 'zod';
import type { ConverterSettings } from './converter-settings.js';
import { UserError } from './errors.js';
import { RemoteCodec } from './remote-codec.js';

/** What a module may export: a data converter as Temporal's SDK takes it, its paths absolute. */
const converterSchema = z.strictObject({
  payloadConverterPath: z.string().refine(isAbsolute, 'it is no absolute path').optional(),
  failureConverterPath: z.string().refine(isAbsolute, 'it is no absolute path').optional(),
  payloadCodecs: z.array(z.custom<NonNullable<DataConverter['payloadCodecs']>[number]>(isCodec, 'no codec')).optional(),
  externalStorage: z
    .custom<NonNullable<DataConverter['externalStorage']>>((value) => typeof value === 'object')
    .optional(),
});

/** Loads the data converter of a command's client and worker; undefined for the SDK's own. Throws a `UserError`. */
export async function loadDataConverter(
  { module, codec }: ConverterSettings,
  namespace: string,
): Promise<DataConverter | undefined> {
  const own = module === undefined ? {} : await loadModule(module);
  if (codec === undefined) return module === undefined ? undefined : own;
  // The outermost, as for other tools that read the payloads as they are on the server.
  return { ...own, payloadCodecs: [...(own.payloadCodecs ?? []), new RemoteCodec(codec, namespace)] };
}

async function loadModule(name: string): Promise<DataConverter> {
  const found: unknown = await import(locate(name)).catch((error: unknown) => {
    throw new UserError(`--data-converter: ${name} cannot be loaded: ${String(error)}`, { exitCode: 2, cause: error });
  });
  const parsed = exportsSchema.safeParse(found);
  const exported = parsed.data?.dataConverter ?? parsed.data?.default?.dataConverter;
  if (exported === undefined) {
    throw new UserError(`--data-converter: ${name} does not export dataConverter`, { exitCode: 2 });
  }
  const converter = converterSchema.safeParse(exported);
  if (!converter.success) {
    throw new UserError(`--data-converter: dataConverter of ${name}: ${z.prettifyError(converter.error)}`, {
      exitCode: 2,
    });
  }
  return Object.fromEntries(Object.entries(converter.data).filter(([, value]) => value !== undefined));
}

const exportsSchema = z.object({
  dataConverter: z.unknown(),
  default: z.object({ dataConverter: z.unknown() }).optional().catch(undefined),
});

/** A path, or a package that is installed where the command is given. */
function locate(name: string): string {
  if (name.startsWith('.') || isAbsolute(name)) return pathToFileURL(resolve(name)).href;
  try {
    return pathToFileURL(createRequire(join(process.cwd(), 'package.json')).resolve(name)).href;
  } catch {
    return pathToFileURL(resolve(name)).href;
  }
}

function isCodec(value: unknown): boolean {
  const has = (method: string) =>
    typeof value === 'object' && value !== null && typeof Reflect.get(value, method) === 'function';
  return has('encode') && has('decode');
}
