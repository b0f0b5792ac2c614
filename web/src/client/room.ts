import type { MessagePage, PageQuery, RoomInfo } from './api.ts';
import { ConnectionLost, hasCode, HubbubError, retryIn } from './errors.ts';
import { MentionFinder } from './mentionfinder.ts';
import type { Command, HistoryMessage, JoinedEvent, LogEvent, Name, Position, ReplyOf, UnknownLogEvent } from './protocol.ts';
import { RoomLog, type Message, type Outcome, type ReplyTarget } from './roomlog.ts';
import { sleep } from './sleep.ts';

/** How a room's history stands: `failed` may be tried again. */
export type History = 'none' | 'loading' | 'loaded' | 'failed';

type Entry = LogEvent | UnknownLogEvent;
type Request = <C extends Command>(command: C) => Promise<ReplyOf<C>>;

interface Options {
  readonly request: Request;
  /** Something that the page shows has changed. */
  readonly changed: (room: Room) => void;
  /** A log entry was applied; told once for each. */
  readonly applied: (room: Room, e: Entry) => void;
  /** The room is live and complete: what waits to be sent may go. */
  readonly live: (room: Room) => void;
  /** Asks for messages by their names. */
  readonly quotes: (room: string, names: readonly ReplyTarget[]) => Promise<readonly HistoryMessage[]>;
  /** Asks for a page by time or mention. */
  readonly page: (room: string, query: PageQuery) => Promise<MessagePage>;
}

/**
 * Messages of the first page, of further pages, kept of rooms that nobody looks at, and held at
 * most for a reader who goes back: beyond it what is further from them is let go, and loaded again
 * when they come back to it.
 */
const pages = { first: 50, glance: 20, further: 50, kept: 100, most: 1_000 } as const;

/**
 * The first wait before a page that history did not have to give is asked for again, ms; it doubles
 * to a minute.
 */
const firstRetry = 3_000;

/**
 * Messages that are asked for by their names at once, and the wait before that is tried again, ms.
 */
const quotesAtOnce = 50;
const quotesAgain = 5_000;

/** Events that are held back while a join is under way; beyond it the room is joined again. */
const maxHeld = 5_000;

/**
 * One room on the connection: it joins and resumes, fills gaps, follows rewinds, and pages back in
 * history. It asks for one thing at a time.
 */
export class Room {
  readonly log = new RoomLog();
  info: RoomInfo;
  history: History = 'none';
  /** History has messages before the first one that is shown. */
  hasOlder = false;
  /** Joined on this connection, with everything up to now. */
  live = false;
  /** The thread that what was found last is an answer in, if the room does not show it. */
  foundIn: Name | undefined;
  /** Why the server keeps the user out, for a person. */
  refused: string | undefined;
  #held: Entry[] | undefined;
  #syncing: Promise<void> | undefined;
  #again = false;
  /** Somebody has looked at the room. */
  #wasViewed = false;
  /** Something that arrived during the join was let go: what is held is not all. */
  #overflowed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #retryIn = firstRetry;
  #loadingOlder: Promise<void> | undefined;
  #loadingNewer: Promise<void> | undefined;
  #quoting = false;
  /** What the messages answer that were shown then is known. */
  #quotedFor: readonly Message[] | undefined;
  readonly #o: Options;
  readonly #mentions: MentionFinder;

  constructor(info: RoomInfo, options: Options) {
    this.info = info;
    this.#o = options;
    this.#mentions = new MentionFinder((names) => options.quotes(this.id, names), (found) => {
      if (this.log.addMentions(found)) options.changed(this);
    });
  }

  get id(): string {
    return this.info.id;
  }

  /**
   * Brings the room up to now: the first page if there is none, and a join after what is here. Call
   * it after each welcome; it fills gaps by itself. Where it is known at which place of the log to
   * begin, a room that nobody looks at has no page. Never rejects.
   */
  sync(glance = false): Promise<void> {
    this.#wasViewed ||= !glance;
    if (this.#syncing) {
      this.#again = true;
      return this.#syncing;
    }
    this.#syncing = this.#sync(glance).finally(() => (this.#syncing = undefined));
    return this.#syncing;
  }

  /** Nobody has to ask where the log begins for us: the room joins after this place. */
  joinAfter(at: Position): void {
    this.log.startAt(at);
  }

  /** Somebody looks at the room: what was said last is to be here. Never rejects. */
  async loadNewest(): Promise<void> {
    this.#wasViewed = true;
    if (!this.live) return this.sync();
    if (this.history !== 'none') return undefined;
    try {
      await this.#firstPage(pages.first, false);
    } catch (err) {
      if (!(err instanceof HubbubError || err instanceof ConnectionLost)) throw err;
      this.history = 'failed';
    }
    this.#retryPage();
    this.#o.changed(this);
  }

  /** The connection is gone. */
  connectionLost(): void {
    this.live = false;
    clearTimeout(this.#retry);
  }

  /** Takes a log entry that arrived on the connection. */
  receive(e: Entry): void {
    if (this.#held) {
      if (this.#held.length < maxHeld) this.#held.push(e);
      else this.#overflowed = true;
      return;
    }
    if (!this.live) return; // the join that is still to come replays it
    switch (this.log.applyLive(e)) {
      case 'applied':
        this.#o.applied(this, e);
        this.#o.changed(this);
        break;
      case 'gap':
      case 'rewound':
        void this.sync();
        break;
      case 'duplicate':
    }
  }

  /**
   * Loads the page of history before the first message here. Rejects if there is none to be had
   * now.
   */
  loadOlder(): Promise<void> {
    return (this.#loadingOlder ??= this.#loadOlder().finally(() => (this.#loadingOlder = undefined)));
  }

  /**
   * Loads the page after the past, if that is what is shown. Rejects if there is none to be had
   * now.
   */
  loadNewer(): Promise<void> {
    return (this.#loadingNewer ??= this.#loadNewer().finally(() => (this.#loadingNewer = undefined)));
  }

  /**
   * Shows the message with a seq, and what stands around it; where there is none, what stands
   * around its place. Rejects if that is not to be had now.
   */
  async showMessage(seq: number): Promise<void> {
    this.foundIn = undefined;
    const { log } = this;
    const holds = (all: readonly Message[], open: boolean) => all.length > 0 && seq >= all[0]!.seq && (open || seq <= all.at(-1)!.seq);
    if (holds(log.shown, !log.past)) return;
    if (holds(log.messages, true)) this.showNewest();
    else if (log.past || this.hasOlder) await this.showAround(seq);
  }

  /**
   * Shows what stands around the first message that a query by time or mention finds, and returns
   * the seq of that; undefined: it finds none. Rejects as `around` does.
   */
  async showFound(query: PageQuery): Promise<number | undefined> {
    const { resets } = this.log;
    const page = await this.#o.page(this.id, { ...query, limit: pages.further });
    this.foundIn = page.foundIn;
    if (page.found === undefined || this.log.resets !== resets) return undefined;
    if (page.foundIn) return page.found; // it stands in its thread, and not here
    const { shown } = this.log;
    if (shown.length && page.found >= shown[0]!.seq && page.found <= shown.at(-1)!.seq) return page.found;
    this.log.pageAround(page.messages, page.acts);
    this.hasOlder = page.more && page.messages.length > 0;
    this.#o.changed(this);
    return page.found;
  }

  /**
   * Lets go of what retention has removed: asks which message is the first that there is. Of the
   * last hour everything stays, since the record may not have it yet.
   */
  async dropRemoved(now: number): Promise<void> {
    const { messages, resets } = this.log;
    if (!messages.length) return;
    const { found } = await this.#o.page(this.id, { at: 1, limit: 1 });
    if (this.log.resets !== resets) return;
    const recent = this.log.messages.find((m) => m.ts > now - 3_600_000)?.seq ?? this.log.through + 1;
    if (!this.log.dropBefore(found ?? recent)) return;
    this.hasOlder = false;
    this.#o.changed(this);
  }

  /** Asks for what the messages that are shown answer, as far as it is not here. */
  findQuotes(): void {
    const { shown, resets } = this.log;
    if (this.#quoting || shown === this.#quotedFor) return;
    this.#quotedFor = shown;
    const asked = this.log.missingQuotes(quotesAtOnce);
    if (!asked.length) return;
    this.#quoting = true;
    this.#o.quotes(this.id, asked).then((found) => {
      this.#quoting = false;
      if (this.log.resets === resets) this.log.addQuotes(asked, found);
      this.#quotedFor = undefined; // there may be more
      this.#o.changed(this);
    }, (err: unknown) => {
      if (hasCode(err, 'not_found')) return; // a server of an earlier release: it is not asked again
      setTimeout(() => {
        this.#quoting = false;
        this.#quotedFor = undefined;
        this.#o.changed(this);
      }, quotesAgain);
    });
  }

  /** Asks whom the messages that are shown mention, as far as that is not known. */
  findMentions(): void {
    this.#mentions.find(this.log.shown);
  }

  /** The user is not in the room any more. */
  close(): void {
    this.#mentions.close();
  }

  /** Shows the messages on both sides of a seq. Rejects if they are not to be had now. */
  async showAround(seq: number): Promise<void> {
    const { resets } = this.log;
    const page = await this.#o.request({ type: 'history', room: this.id, around: seq, limit: pages.further });
    if (this.log.resets !== resets) return;
    this.log.pageAround(page.messages, page.acts);
    this.hasOlder = page.more && page.messages.length > 0;
    this.#o.changed(this);
  }

  /** Shows the messages up to now, however far back the reader was. */
  showNewest(): void {
    if (!this.log.leavePast()) return;
    this.hasOlder = true;
    this.#o.changed(this);
  }

  /** Gives memory back while a reader stays at the message with this seq: all is kept around it. */
  trimAround(seq: number): void {
    if (this.log.enterPast(seq, pages.most)) this.hasOlder = true;
  }

  /** Gives memory back while nobody looks at the room, or at what is old in it. */
  trim(): void {
    if (this.log.leavePast()) this.hasOlder = true;
    if (this.log.trim(pages.kept)) this.hasOlder = true;
  }

  async #sync(glance: boolean): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      this.#again = false;
      try {
        if (this.history !== 'loaded' && (this.#wasViewed || !this.log.position)) await this.#firstPage(glance ? pages.glance : pages.first);
        await this.#join();
      } catch (err) {
        const held = this.#held ?? [];
        this.#held = undefined;
        if (err instanceof ConnectionLost) {
          this.#keepReplayed(held);
          return; // the next welcome syncs again
        }
        if (!(err instanceof HubbubError)) {
          // A fault of this program's: one entry must not keep the room closed.
          console.error(err);
          await sleep(Math.min(250 * 2 ** attempt, 10_000));
          continue;
        }
        const wait = retryIn(err, Math.min(1_000 * 2 ** attempt, 30_000));
        if (wait === undefined) {
          this.live = false;
          this.refused = err.message;
          this.#o.changed(this);
          return;
        }
        await sleep(wait);
        continue;
      }
      if (!this.#again) {
        this.refused = undefined;
        this.#o.live(this);
        this.#o.changed(this);
        this.#retryPage();
        return;
      }
      // A log that shows a gap after each join is broken; asking it without a pause makes nothing
      // better.
      if (attempt > 0) await sleep(Math.min(250 * 2 ** attempt, 10_000));
    }
  }

  /** With history down the room is live without a page: it is asked for again by itself. */
  #retryPage(): void {
    clearTimeout(this.#retry);
    if (this.history !== 'failed') {
      this.#retryIn = firstRetry;
      return;
    }
    this.#retry = setTimeout(() => this.loadOlder().catch(() => undefined), this.#retryIn);
    this.#retryIn = Math.min(this.#retryIn * 2, 60_000);
  }

  async #firstPage(limit: number, first = true): Promise<void> {
    this.history = 'loading';
    try {
      const page = await this.#o.request({ type: 'history', room: this.id, limit });
      this.log.page(page.messages, first, page.acts);
      this.hasOlder = page.more;
      this.history = 'loaded';
      this.#o.changed(this);
    } catch (err) {
      this.history = 'failed';
      // Without history the room is still good to talk in, unless it is not ours at all.
      if (!(err instanceof HubbubError) || err.code === 'rate_limited' || err.code === 'forbidden') throw err;
    }
  }

  async #join(): Promise<void> {
    for (;;) {
      const after = this.log.position;
      this.#held = [];
      this.#overflowed = false;
      const joined = await this.#o.request({ type: 'join', room: this.id, ...(after && { after }) });
      const held = this.#held.sort((a, b) => a.seq - b.seq);
      this.#held = undefined;
      if (joined.rewind) await this.#rewound(joined, held);
      else this.#replay(joined, held);
      if (!joined.more || this.#overflowed) return;
      if (this.log.position?.seq === after?.seq) throw new HubbubError('unavailable', 'The server replays nothing.', 1_000);
    }
  }

  #replay(joined: JoinedEvent, held: readonly Entry[]): void {
    for (const e of held) {
      if (e.seq <= joined.seq && this.log.applyReplayed(e) === 'applied') this.#o.applied(this, e);
    }
    if (this.#overflowed) {
      // The replay's beginning is here, and its end may not be: the next join goes on from there.
      this.#again = true;
      return;
    }
    this.log.complete(joined.seq);
    if (joined.more) return; // not live yet: what is not of the replay comes again
    for (const e of held) if (e.seq > joined.seq) this.#afterJoin(e);
    // At once: the next event may already be waiting.
    if (!this.#again) this.live = true;
  }

  /**
   * The line broke in the middle of a replay. What came of it stays, as far as it has no hole: over
   * a slow line a long replay would else begin anew for ever.
   */
  #keepReplayed(held: Entry[]): void {
    if (!this.log.position) return; // nobody knows what it follows
    for (const e of held.sort((a, b) => a.seq - b.seq)) {
      const outcome = this.#apply(e);
      if (outcome === 'gap' || outcome === 'rewound') break;
    }
    this.#o.changed(this);
  }

  async #rewound(joined: JoinedEvent, held: readonly Entry[]): Promise<void> {
    this.log.reset(joined.seq);
    for (const e of held) if (e.seq > joined.seq) this.#afterJoin(e);
    if (this.#overflowed) this.#again = true;
    // The room is live from here on: what arrives while the page is under way counts.
    this.live = true;
    await this.#firstPage(pages.first, false);
  }

  #afterJoin(e: Entry): void {
    const outcome = this.#apply(e);
    if (outcome === 'gap' || outcome === 'rewound') this.#again = true;
  }

  #apply(e: Entry): Outcome {
    const outcome = this.log.applyLive(e);
    if (outcome === 'applied') {
      if (e.type === 'reset') this.hasOlder = false;
      this.#o.applied(this, e);
    }
    return outcome;
  }

  async #loadOlder(): Promise<void> {
    if (this.history === 'failed') {
      // The run here began with the join: begin again with a page, and join after it, so that there
      // is no hole.
      clearTimeout(this.#retry);
      this.history = 'none';
      this.live = false;
      await this.sync();
      if ((this.history as History) !== 'loaded') throw new ConnectionLost('Earlier messages cannot be loaded now.');
      return;
    }
    const first = this.log.shown[0];
    if (!first || !this.hasOlder) return;
    const { resets } = this.log;
    const page = await this.#o.request({ type: 'history', room: this.id, before: first.seq, limit: pages.further });
    // Reset meanwhile, or without its first messages: the page does not end where the log begins.
    if (this.log.resets !== resets || this.log.shown[0]?.seq !== first.seq) return;
    this.log.pageBefore(page.messages, pages.most, page.acts);
    this.hasOlder = page.more && page.messages.length > 0;
    this.#o.changed(this);
  }

  async #loadNewer(): Promise<void> {
    const last = this.log.past?.at(-1);
    if (!last) return;
    const { resets } = this.log;
    const page = await this.#o.request({ type: 'history', room: this.id, after: last.seq, limit: pages.further });
    if (this.log.resets !== resets || this.log.past?.at(-1)?.seq !== last.seq) return;
    if (this.log.pageAfter(page.messages, pages.most, page.acts)) this.hasOlder = true;
    this.#o.changed(this);
    // History has not stored yet what the log has let go.
    if (this.log.past && !page.more) throw new HubbubError('unavailable', 'Later messages are not stored yet.', 1_000);
  }
}
