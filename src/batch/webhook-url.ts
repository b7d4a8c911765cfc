/** Maximum characters of a webhook's URL. */
const MAX_LENGTH = 2000;

/**
 * Returns what keeps a text from being the URL of a webhook; undefined if nothing does. The URL is kept with the run and
 * shown, so that one that may hold a secret is refused. The sentence leaves the text out.
 */
export function webhookUrlProblem(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return `it has more than ${MAX_LENGTH} characters`;
  const url = /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return 'it is not an http(s) URL';
  if (url.username !== '' || url.password !== '')
    return 'it must not hold a user name or password: it is kept with the run';
  if (url.search !== '' || url.hash !== '') return 'it must not hold a query or a fragment: it is kept with the run';
  return undefined;
}
