import { DriaError } from './errors.js';

/**
 * A base URL in the one form that everybody compares, sends to and shows: host in lower case, no port that goes without
 * saying, no slash at its end. Throws `InvalidRequest` for what is none, and for one that may hold a secret: it goes
 * into histories and logs. The messages leave the text out.
 */
export function normalBaseUrl(text: string): string {
  const url = /^\s*https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw refused('the base URL is not an http(s) URL');
  if (url.username !== '' || url.password !== '') throw refused('the base URL must not hold a user name or password');
  if (url.search !== '' || url.hash !== '') throw refused('the base URL must not hold a query or a fragment');
  return url.origin + url.pathname.replace(/\/+$/, '');
}

function refused(message: string): DriaError {
  return new DriaError({ code: 'InvalidRequest', message });
}
