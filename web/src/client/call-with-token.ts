import { hasCode } from './errors.ts';

/** What has an access token. */
interface TokenSource {
  /** Returns a token; with `fresh`, another than the last one. Rejects if there is none. */
  token(fresh?: boolean): Promise<string>;
  /** The last token. */
  readonly last: string | undefined;
}

/**
 * Calls the API with a token, and once more with a fresh one if the server refuses the first as
 * expired.
 */
export async function callWithToken<T>(source: TokenSource, request: (token: string) => Promise<T>): Promise<T> {
  const token = await source.token();
  try {
    return await request(token);
  } catch (err) {
    if (!hasCode(err, 'token_expired', 'unauthorized')) throw err;
    // Another call may have got a fresh one meanwhile.
    return request(await source.token(source.last === token));
  }
}
