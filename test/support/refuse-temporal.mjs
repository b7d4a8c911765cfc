// Loaded with `node --import`: every import of a package of Temporal fails.
import { register } from 'node:module';

const HOOK = `
  export async function resolve(specifier, context, next) {
    if (specifier.startsWith('@temporalio/')) throw new Error('refused: ' + specifier + ' for ' + context.parentURL);
    return await next(specifier, context);
  }`;
register(`data:text/javascript,${encodeURIComponent(HOOK)}`);
