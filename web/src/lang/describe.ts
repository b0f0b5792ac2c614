import { asSentence, ConnectionLost, HubbubError, inEnglish, type Outgoing } from '../client/index.ts';
import { language, m } from './language.svelte.ts';
import { translated } from './refusals.ts';

/**
 * Returns a sentence for a person: what the server says, which is English, or what is known of it
 * in the language of the page.
 */
export function describe(err: unknown): string {
  const english = inEnglish(err);
  if (!(err instanceof HubbubError || err instanceof ConnectionLost)) return m.somethingWentWrong();
  if (language() === 'en') return english;
  const known = translated(err.message);
  if (known !== undefined) return known;
  if (err instanceof ConnectionLost) return m.serverNotReached();
  switch (err.code) {
    case 'unauthorized': case 'token_expired': return m.loggedOutError();
    case 'rate_limited': case 'overloaded': return m.tooFastError();
    case 'unavailable': return m.unavailableError();
    case 'internal': return m.internalError();
    case 'too_large': return m.tooLargeError();
    default: return english;
  }
}

/** Returns what the server said without refusing anything, as a sentence for a person. */
export const describeNotice = (message: string): string => (language() === 'en' ? undefined : translated(message)) ?? asSentence(message);

/** Returns why a message was not sent; empty: it is not known. */
export const notSent = (message: Outgoing | undefined): string => (message?.error === undefined ? '' : describe(new HubbubError(message.code ?? '', message.error)));
