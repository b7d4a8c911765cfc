import { DriaError } from './errors.js';

/** What people copy along from an example of a request. */
const PATHS_BELOW = /(\/chat)?\/completions$|(?<=\/v\d+\w*)\/models$/;

/**
 * Returns a base URL in the one form that is compared, sent to and shown: host in lower case, no port that goes without
 * saying, no slash and no `/chat/completions` at its end. Throws `InvalidRequest` for what is no URL, and for one that may hold a secret: it goes
 * into histories and logs. The messages leave the text out.
 */
export function normalBaseUrl(text: string): string {
  const url = /^\s*https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw refused('the base URL is not an http(s) URL');
  if (url.username !== '' || url.password !== '') throw refused('the base URL must not hold a user name or password');
  if (url.search !== '' || url.hash !== '') throw refused('the base URL must not hold a query or a fragment');
  return url.origin + url.pathname.replace(/\/+$/, '').replace(PATHS_BELOW, '').replace(/\/+$/, '');
}

/** True for a base URL whose path names no version of an API: then a `/v1` may be missing. */
export function lacksVersion(baseUrl: string): boolean {
  return !/\/v\d+\w*(\/|$)/.test(baseUrl);
}

/** True for Dria's own hosts. */
export function isDrias(baseUrl: string): boolean {
  return /(^|\.)dria\.co$/.test(new URL(baseUrl).hostname);
}

function refused(message: string): DriaError {
  return new DriaError({ code: 'InvalidRequest', message });
}
