import { applyChange } from './changes.ts';
import type { Client } from './client.ts';
import { Emitter } from './emitter.ts';
import { MentionFinder, withMentions } from './mentionfinder.ts';
import type { HistoryMessage, LogEvent, Name, UnknownLogEvent } from './protocol.ts';
import { onReset } from './resets.ts';
import { fromHistory, type Message } from './roomlog.ts';

type Entry = LogEvent | UnknownLogEvent;

/**
 * One thread that is looked at: its root and its answers, from a page of history on, followed live.
 * Close it when nobody looks any more.
 */
export class Thread extends Emitter<{ change: undefined }> {
  /** The root; of a thread that was asked for by an answer, once the server has said which it is. */
  name: Name;
  root: Message | undefined;
  /** Oldest first. The array is replaced, not changed. */
  messages: readonly Message[] = [];
  state: 'loading' | 'loaded' | 'failed' = 'loading';
  hasOlder = false;
  readonly #client: Client;
  readonly #room: string;
  readonly #off: (() => void)[];
  /** What arrives while a page is on its way, which may not have it. */
  #held: Entry[] = [];
  #loads = 0;
  #loading: Promise<void> = Promise.resolve();
  readonly #mentions: MentionFinder;

  constructor(client: Client, room: string, name: Name) {
    super();
    this.#client = client;
    this.#room = room;
    this.name = name;
    this.#mentions = new MentionFinder((names) => client.directory.quotes(room, names), (found) => this.#mention(found));
    this.#off = [
      client.on('entry', ({ room: of, entry }) => of === room && this.#take(entry)),
      onReset(client, room, () => void this.load()),
    ];
    void this.load();
  }

  close(): void {
    for (const off of this.#off) off();
    this.#mentions.close();
    this.#loads++;
  }

  /** Asks whom the answers mention, as far as that is not known. */
  findMentions(): void {
    this.#mentions.find(this.messages);
  }

  #mention(found: readonly HistoryMessage[]): void {
    const before = this.messages;
    this.messages = withMentions(before, found);
    if (this.messages !== before) this.emit('change', undefined);
  }

  /** Loads the newest answers. It never rejects. */
  load(): Promise<void> {
    return (this.#loading = this.#load());
  }

  async #load(): Promise<void> {
    const load = ++this.#loads;
    this.state = 'loading';
    this.#held = [];
    this.emit('change', undefined);
    try {
      const page = await this.#client.thread(this.#room, this.name);
      if (load !== this.#loads) return;
      this.root = page.root && fromHistory(page.root);
      if (this.root) this.name = { user: this.root.user, id: this.root.id };
      this.messages = page.messages.map(fromHistory);
      this.hasOlder = page.more;
      this.state = 'loaded';
      for (const e of this.#held.splice(0)) this.#apply(e);
    } catch {
      if (load !== this.#loads) return;
      this.state = 'failed';
    }
    this.emit('change', undefined);
  }

  /**
   * Shows the answer with a seq, of the last thousand, and returns it; undefined: it is not there.
   * Rejects as `older` does.
   */
  async reach(seq: number): Promise<Message | undefined> {
    await this.#loading;
    for (let pages = 0; pages < 20 && this.hasOlder && (this.messages[0]?.seq ?? 0) > seq; pages++) await this.loadOlder();
    return this.messages.find((m) => m.seq === seq);
  }

  /** Loads the answers before the first one here. Rejects if they are not to be had now. */
  async loadOlder(): Promise<void> {
    const first = this.messages[0];
    const load = this.#loads;
    if (!first || !this.hasOlder) return;
    const page = await this.#client.thread(this.#room, this.name, first.seq);
    if (load !== this.#loads || this.messages[0]?.seq !== first.seq) return;
    this.messages = [...page.messages.map(fromHistory), ...this.messages];
    this.hasOlder = page.more && page.messages.length > 0;
    this.emit('change', undefined);
  }

  #take(e: Entry): void {
    if (this.state === 'loading') this.#held.push(e);
    else if (this.state === 'loaded' && this.#apply(e)) this.emit('change', undefined);
  }

  /** Returns whether it makes a difference. */
  #apply(e: Entry): boolean {
    if (e.type === 'msg') {
      const m = fromHistory(e);
      const named = m.thread;
      const ours = named && (same(named, this.name) || this.messages.some((other) => same(named, other)));
      if (!ours || this.messages.some((other) => same(other, m))) return false;
      this.messages = [...this.messages, m].sort((a, b) => a.seq - b.seq);
      return true;
    }
    if (e.type !== 'edited' && e.type !== 'deleted' && e.type !== 'reacted' && e.type !== 'pinned') return false;
    const [root, before] = [this.root, this.messages];
    this.root = root && applyChange([root], e)[0];
    this.messages = applyChange(before, e);
    return this.root !== root || this.messages !== before;
  }
}

const same = (a: Name, b: Name): boolean => a.user === b.user && a.id === b.id;
