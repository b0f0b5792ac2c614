import { hasCode } from './errors.ts';
import type { HistoryMessage, Name } from './protocol.ts';
import type { Message } from './roomlog.ts';

/**
 * The record finds out whom a message mentions a moment after it came: so long is waited before it
 * is asked, ms, and twice as long each time that it does not know yet; so often it is asked about a
 * message, and about so many at once.
 */
const firstWait = 1_000;
const tries = 6;
const atOnce = 50;
/** The wait when it cannot be asked, ms. */
const failed = 10_000;

/**
 * Asks the record whom messages mention that came live, or that were so new when a page was asked
 * for that it did not know yet.
 */
export class MentionFinder {
  readonly #ask: (names: readonly Name[]) => Promise<readonly HistoryMessage[]>;
  readonly #found: (messages: readonly HistoryMessage[]) => void;
  #messages: readonly Message[] = [];
  /** How often it was asked about a message, as it stands there. Most rooms never need it. */
  #tries: WeakMap<Message, number> | undefined;
  #busy = false;
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `found` is given what the record knows of some messages. */
  constructor(ask: (names: readonly Name[]) => Promise<readonly HistoryMessage[]>, found: (messages: readonly HistoryMessage[]) => void) {
    this.#ask = ask;
    this.#found = found;
  }

  /** These are the messages that are looked at. An array that was given before costs nothing. */
  find(messages: readonly Message[]): void {
    if (messages === this.#messages || this.#closed) return;
    this.#messages = messages;
    if (!this.#busy) this.#next();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #open(): Message[] {
    return this.#messages.filter((m) => unknown(m) && (this.#tries?.get(m) ?? 0) < tries).slice(-atOnce);
  }

  #next(wait?: number): void {
    this.#busy = false;
    const open = this.#open();
    if (!open.length || this.#closed) return;
    this.#busy = true;
    const least = Math.min(...open.map((m) => this.#tries?.get(m) ?? 0));
    this.#timer = setTimeout(() => void this.#find(), wait ?? firstWait * 2 ** least);
  }

  async #find(): Promise<void> {
    const open = this.#open();
    const counts = (this.#tries ??= new WeakMap());
    for (const m of open) counts.set(m, (counts.get(m) ?? 0) + 1);
    try {
      this.#found(open.length ? await this.#ask(open.map(({ user, id }) => ({ user, id }))) : []);
    } catch (err) {
      if (hasCode(err, 'not_found', 'forbidden')) return; // a server of an earlier release
      this.#next(failed);
      return;
    }
    this.#next();
  }
}

/** Whether a message may mention somebody, and it is not known whom. */
const unknown = (m: Message): boolean => m.mentions === undefined && m.deleted !== true && /[@＠][\p{L}\p{N}]/u.test(m.text);

/** Returns messages with whom they mention, as the record knows it: the same array if it knows no more. */
export function withMentions(messages: readonly Message[], found: readonly HistoryMessage[]): readonly Message[] {
  let now = messages;
  for (const f of found) {
    const i = now.findLastIndex((m) => m.user === f.user && m.id === f.id);
    const old = now[i];
    // Of a text that is another meanwhile it says nothing.
    if (!old || old.mentions !== undefined || !Array.isArray(f.mentions) || old.editedTs !== (f.edited_ts || undefined)) continue;
    now = now.with(i, { ...old, ...mentionsOf(f) });
  }
  return now;
}

/** Whom a message mentions, as far as history says it. */
export function mentionsOf(m: HistoryMessage): Pick<Message, 'mentions' | 'mentionNames'> {
  const strings = (v: unknown) => (Array.isArray(v) ? v.filter((s): s is string => typeof s === 'string') : undefined);
  const [all, names] = [strings(m.mentions), strings(m.mention_names)];
  return { ...(all && { mentions: all }), ...(names && { mentionNames: names }) };
}
