import { type MessageChange, changeMessage, applyChange } from './changes.ts';
import { mentionsOf, withMentions } from './mentionfinder.ts';
import type { SystemEvent, HistoryMessage, LogEvent, Name, Position, UnknownLogEvent } from './protocol.ts';

/**
 * Names the message that another answers. Without a user, as earlier releases say it: the first
 * with the id.
 */
export type ReplyTarget = Pick<Name, 'id'> & Partial<Name>;

/**
 * A message as the page shows it: what was sent, and what later events did to it. Never changed in
 * place.
 */
export interface Message {
  readonly room: string;
  readonly id: string;
  readonly seq: number;
  readonly user: string;
  readonly name: string;
  /** UTC ms, for display only. */
  readonly ts: number;
  readonly text: string;
  readonly replyTo?: ReplyTarget;
  /** UTC ms of the last edit. */
  readonly editedTs?: number;
  /** The text is one that the server was not told yet. */
  readonly unsent?: boolean;
  /** The text is then empty. */
  readonly deleted?: boolean;
  readonly pinned?: boolean;
  /** Who pinned it, and when, UTC ms, where it is known. */
  readonly pinnedBy?: string;
  readonly pinnedTs?: number;
  /** Emoji to the ids of the users who put it, in order. */
  readonly reactions: Readonly<Record<string, readonly string[]>>;
  /** The root of the thread that it is an answer in. */
  readonly thread?: Name;
  /** Of a root: what is known of its thread. */
  readonly replies?: ThreadSummary;
  /** Whom it mentions: ids of users, `@room`, `@here`; undefined: that is not known. */
  readonly mentions?: readonly string[];
  /** How the text names those users; undefined: that is not known. */
  readonly mentionNames?: readonly string[];
}

/** What a root says of its thread: of the answers that are not deleted. */
export interface ThreadSummary {
  readonly count: number;
  /** There are more than `count`. */
  readonly more: boolean;
  /** Who answered, the last first. */
  readonly users: readonly string[];
  /** Seq and time of the last answer. */
  readonly last: number;
  readonly ts: number;
}

/** How many users Replies has at most. */
const maxUsers = 5;

/**
 * What became of a log event: `gap` means that something before it is missing, `rewound` that the
 * log is another.
 */
export type Outcome = 'applied' | 'duplicate' | 'gap' | 'rewound';

type Entry = LogEvent | UnknownLogEvent;

/** How much of what was done and happened is kept to be shown. */
const keptActs = 500;

/** What of the end is kept while a reader is further back than all that is held, messages. */
const keptAtEnd = 100;

/** How many messages that others answer are kept beside those that are held. */
const keptQuotes = 500;

/** How many ids of events, and how many changes to messages that are not loaded, are remembered. */
const remembered = 2_000;

/**
 * What one room's log says, as far as it was heard: messages in the order of seq without repeats,
 * and the position to resume from. It holds one run of the log without holes that ends at the
 * position, and it does no I/O.
 */
export class RoomLog {
  #messages: readonly Message[] = [];
  #past: readonly Message[] | undefined;
  /** The names of `#messages`. */
  readonly #named = new Set<string>();
  #acts: readonly SystemEvent[] = [];
  readonly #heard = new Set<string>();
  readonly #changes: MessageChange[] = [];
  /** The roots of answers that were heard, by their names. */
  readonly #answers = new Map<string, Name>();
  #quotes: ReadonlyMap<string, Message | undefined> = new Map();
  /** How often the log was begun anew: a page that was asked for before is of another log. */
  resets = 0;
  #last: Position | undefined;
  #through: number | undefined;

  /** Oldest first. The array is replaced, not changed, when the room changes. */
  get messages(): readonly Message[] {
    return this.#messages;
  }

  /**
   * Messages further back that end before `messages` begins, with a hole between them: what a
   * reader looks at who has gone far back. Undefined: they look at `messages`. Replaced, not
   * changed; `live` and `replayed` change what is in it, and add nothing to it.
   */
  get past(): readonly Message[] | undefined {
    return this.#past;
  }

  /** What the reader looks at: the past if it is apart, else the messages up to now. */
  get shown(): readonly Message[] {
    return this.#past ?? this.#messages;
  }

  /**
   * Messages that are not shown, and that some of those shown answer, by their names, with texts
   * that are cut; undefined: there is no such message. Replaced, not changed.
   */
  get quotes(): ReadonlyMap<string, Message | undefined> {
    return this.#quotes;
  }

  /**
   * What those who look after the room have done, as far as it was heard, oldest first. Replaced,
   * not changed.
   */
  get systemEvents(): readonly SystemEvent[] {
    return this.#acts;
  }

  /**
   * What `join` resumes after: the last event heard, or where the log began for us while there was
   * none; a seq of 0 is the beginning of the log. Undefined while not even that is known.
   */
  get position(): Position | undefined {
    return this.#last ?? (this.#through === undefined ? undefined : { seq: this.#through });
  }

  /** Everything up to this seq is here, as far as the messages go back. */
  get through(): number {
    return this.#through ?? 0;
  }

  /** Names what the messages that are shown answer, of which nothing is here: at most so many. */
  missingQuotes(most: number): ReplyTarget[] {
    const wanted = new Map<string, ReplyTarget>();
    const here = names(this.shown);
    for (const { replyTo } of this.shown) {
      if (!replyTo || wanted.size === most) continue;
      const k = nameKey(replyTo);
      if (!here.has(k) && !this.#quotes.has(k)) wanted.set(k, replyTo);
    }
    return [...wanted.values()];
  }

  /** Takes what history has of the messages that were asked for. */
  addQuotes(asked: readonly ReplyTarget[], found: readonly HistoryMessage[]): void {
    const all = names(this.#added(found));
    const next = [...this.#quotes, ...asked.map((name) => [nameKey(name), all.get(nameKey(name))] as const)];
    this.#quotes = new Map(next.slice(-keptQuotes));
  }

  /** Takes whom messages mention, as the record knows it. Returns whether that is news. */
  addMentions(found: readonly HistoryMessage[]): boolean {
    const [messages, past] = [this.#messages, this.#past];
    this.#messages = withMentions(messages, found);
    this.#past = past && withMentions(past, found);
    return this.#messages !== messages || this.#past !== past;
  }

  has(user: string, id: string): boolean {
    return this.#named.has(key(user, id));
  }

  /** Takes an event that arrived live: `prev` must be where this log ends. */
  applyLive(e: Entry): Outcome {
    if (e.seq <= this.through) return this.#old(e);
    if (e.type === 'reset') return this.applyReplayed(e); // whatever is missing before it is gone
    if (e.prev > this.through) return 'gap';
    // The server's log lacks what this one ends with.
    if (this.#last && e.prev < this.#last.seq) return 'gap';
    return this.applyReplayed(e);
  }

  /** Takes an event of a replay, which has no holes by itself. */
  applyReplayed(e: Entry): Outcome {
    if (e.seq <= this.through) return this.#old(e);
    if (e.type === 'reset') this.reset(e.seq);
    this.#last = { seq: e.seq, id: e.id };
    this.#through = e.seq;
    if (this.#heard.has(key(e.user, e.id)) || this.has(e.user, e.id)) return 'duplicate';
    this.#remember(e);
    this.#apply(e);
    return 'applied';
  }

  /** Begins at a place of the log, of which nothing is here: what follows comes by a join. */
  startAt(at: Position): void {
    if (this.position) return;
    if (at.id !== undefined) this.#last = at;
    this.#through = at.seq;
  }

  /** Notes that a join is complete through a seq, also without an event there. */
  complete(seq: number): void {
    this.#through = Math.max(this.through, seq);
  }

  /**
   * Takes a page of history. Messages that are here already stay as they are; changes that were
   * heard live are applied to the others, for history may not have them yet. With `first` the log
   * starts with this page: a join after its newest message brings what history had not stored yet.
   * Acts are those of the page. Returns whether there is a new message.
   */
  page(page: readonly HistoryMessage[], first = false, acts: readonly SystemEvent[] = []): boolean {
    if (first) this.reset(0);
    this.#act(acts);
    const added = this.#added(page.filter((m) => !this.has(m.user, m.id)));
    if (!added.length) return false;
    for (const m of added) this.#named.add(key(m.user, m.id));
    this.#messages = [...this.#messages, ...added].sort((a, b) => a.seq - b.seq);
    const newest = page.at(-1);
    if (newest && first) {
      this.#last = { seq: newest.seq, id: newest.id };
      this.#through = newest.seq;
    }
    return true;
  }

  /**
   * Takes the page of history before the first message that is shown. Of more than `most` that are
   * then shown, the newest are let go: what is shown is the past, apart from the log's end.
   */
  pageBefore(page: readonly HistoryMessage[], most: number, acts: readonly SystemEvent[] = []): void {
    const shown = this.shown;
    if (!this.#past) {
      this.page(page, false, acts);
      this.enterPast(0, most);
      return;
    }
    this.#act(acts);
    this.#past = [...this.#added(page.filter((m) => m.seq < shown[0]!.seq)), ...shown].slice(0, most);
  }

  /**
   * Takes a page of history around a message: if it does not reach the messages up to now, it is
   * the past, and looked at.
   */
  pageAround(page: readonly HistoryMessage[], acts: readonly SystemEvent[] = []): void {
    const begin = this.#messages[0]?.seq ?? 0;
    if (!page.length) return;
    if (page.at(-1)!.seq >= begin) {
      this.#past = undefined;
      this.page(page, false, acts);
      return;
    }
    this.#act(acts);
    this.#past = this.#added(page);
  }

  /**
   * Takes the page of history after the past. Where it reaches the messages up to now, the two are
   * one again. Of more than `most` that are then shown the oldest are let go; returns whether any
   * were.
   */
  pageAfter(page: readonly HistoryMessage[], most: number, acts: readonly SystemEvent[] = []): boolean {
    const past = this.#past;
    if (!past) return false;
    this.#act(acts);
    const end = past.at(-1)!.seq;
    const begin = this.#messages[0]?.seq ?? Infinity;
    const joined = [...past, ...this.#added(page.filter((m) => m.seq > end && m.seq < begin))];
    if (end >= begin || page.some((m) => m.seq >= begin)) {
      this.#past = undefined;
      const last = joined.at(-1)!.seq;
      for (const m of joined) this.#named.add(key(m.user, m.id));
      this.#messages = [...joined, ...this.#messages.filter((m) => m.seq > last)];
      return this.trim(most);
    }
    this.#past = joined.slice(-most);
    return joined.length > most;
  }

  /**
   * Lets go of all but `most` messages around a seq that is looked at, where there are more: they
   * are the past then. Returns whether any before them went.
   */
  enterPast(seq: number, most: number): boolean {
    const held = this.#messages;
    if (this.#past || held.length <= most) return false;
    const at = held.findIndex((m) => m.seq >= seq);
    const from = Math.min(Math.max(0, at - Math.floor(most / 2)), held.length - most);
    this.#past = held.slice(from, from + most);
    this.trim(keptAtEnd);
    return from > 0;
  }

  /** Shows the newest messages again. Returns whether the past was shown. */
  leavePast(): boolean {
    const was = this.#past !== undefined;
    this.#past = undefined;
    return was;
  }

  /** Forgets everything, as after a rewind, and is complete through `seq`. */
  reset(seq: number): void {
    this.resets++;
    this.#past = undefined;
    this.#messages = [];
    this.#acts = [];
    this.#quotes = new Map();
    this.#named.clear();
    this.#heard.clear();
    this.#changes.length = 0;
    this.#answers.clear();
    this.#last = undefined;
    this.#through = seq;
  }

  /** Drops all but the newest `keep` messages. Returns whether any went. */
  trim(keep: number): boolean {
    if (this.#messages.length <= keep) return false;
    for (const m of this.#messages.slice(0, -keep)) this.#named.delete(key(m.user, m.id));
    this.#messages = this.#messages.slice(-keep);
    return true;
  }

  /** Lets go of the messages before a seq, which are in the record no more. Returns whether any were here. */
  dropBefore(before: number): boolean {
    const gone = (m: Message) => m.seq < before;
    if (![...this.#messages, ...(this.#past ?? []), ...this.#quotes.values()].some((m) => m && gone(m))) return false;
    for (const m of this.#messages) if (gone(m)) this.#named.delete(key(m.user, m.id));
    this.#messages = this.#messages.filter((m) => !gone(m));
    this.#past = this.#past?.filter((m) => !gone(m));
    if (!this.#past?.length) this.#past = undefined;
    this.#quotes = new Map([...this.#quotes].map(([name, m]) => [name, m && gone(m) ? undefined : m]));
    return true;
  }

  #old(e: Entry): Outcome {
    const k = key(e.user, e.id);
    if (this.#heard.has(k) || this.#named.has(k)) return 'duplicate';
    // Older than anything that this log ever held: not a proof of anything.
    const first = this.#messages[0];
    return first && e.seq > first.seq && e.type === 'msg' && !onlyInThread(e) ? 'rewound' : 'duplicate';
  }

  #remember(e: Entry): void {
    this.#heard.add(key(e.user, e.id));
    if (this.#heard.size > remembered) this.#heard.delete(this.#heard.values().next().value!);
    if (e.type === 'edited' || e.type === 'deleted' || e.type === 'reacted' || e.type === 'pinned') {
      this.#changes.push(e);
      if (this.#changes.length > remembered) this.#changes.shift();
    }
  }

  #apply(e: Entry): void {
    if (e.type === 'msg') {
      const m = fromHistory(e);
      if (m.thread) this.#answered(m, m.thread);
      if (onlyInThread(e)) return;
      this.#named.add(key(m.user, m.id));
      this.#messages = [...this.#messages, m];
      if (this.#past && this.#messages.length > 3 * keptAtEnd) this.trim(keptAtEnd);
    } else if (e.type === 'moderated' || e.type === 'topic' || e.type === 'member' || e.type === 'pinned') this.#act([e]);
    if (e.type === 'deleted') this.#lost(e);
    if (e.type === 'edited' || e.type === 'deleted' || e.type === 'reacted' || e.type === 'pinned') this.#change(e);
  }

  /** Counts an answer at its root; of one that names another answer, at the root of that one. */
  #answered(m: Message, named: Name): void {
    const root = this.#answers.get(nameOf(named)) ?? this.#held(named)?.thread ?? named;
    this.#answers.set(nameOf(m), root);
    if (this.#answers.size > remembered) this.#answers.delete(this.#answers.keys().next().value!);
    this.#atRoot(root, (r) => (r && r.last >= m.seq ? r : {
      count: (r?.count ?? 0) + 1, more: r?.more ?? false, users: [m.user, ...(r?.users ?? []).filter((u) => u !== m.user)].slice(0, maxUsers), last: m.seq, ts: m.ts,
    }));
  }

  /** Of a message that was deleted: if it is an answer, there is one less. */
  #lost(e: MessageChange): void {
    const name = { user: e.author ?? e.user, id: e.target };
    const held = this.#held(name);
    const root = this.#answers.get(nameOf(name)) ?? (held?.deleted ? undefined : held?.thread);
    this.#answers.delete(nameOf(name));
    if (root) this.#atRoot(root, (r) => r && (r.count > 1 || r.more ? { ...r, count: Math.max(r.count - 1, 1) } : undefined));
  }

  #held(name: Name): Message | undefined {
    return this.#messages.findLast((m) => m.user === name.user && m.id === name.id);
  }

  #atRoot(root: Name, change: (r: ThreadSummary | undefined) => ThreadSummary | undefined): void {
    const changed = (messages: readonly Message[]) => {
      const i = messages.findLastIndex((m) => m.user === root.user && m.id === root.id);
      const old = messages[i];
      if (!old) return messages;
      const { replies: _, ...rest } = old;
      const replies = change(old.replies);
      return replies === old.replies ? messages : messages.with(i, { ...rest, ...(replies && { replies }) });
    };
    if (this.#past) this.#past = changed(this.#past);
    this.#messages = changed(this.#messages);
  }

  /** Takes in what was done and happened: of what that a page and the log both have, one is kept. */
  #act(acts: readonly SystemEvent[]): void {
    const fresh = acts.filter((a) => !this.#acts.some((b) => b.seq === a.seq));
    if (fresh.length) this.#acts = [...this.#acts, ...fresh].sort((a, b) => a.seq - b.seq).slice(-keptActs);
  }

  /** Returns messages of history as they are after the changes that were heard live. */
  #added(page: readonly HistoryMessage[]): Message[] {
    let added: readonly Message[] = page.map(fromHistory);
    for (const change of this.#changes) added = applyChange(added, change);
    return added as Message[];
  }

  #change(e: MessageChange): void {
    if (this.#past) this.#past = applyChange(this.#past, e);
    this.#messages = applyChange(this.#messages, e);
    const quoted = this.#quotes.get(nameKey({ id: e.target, ...(e.author !== undefined && { user: e.author }) }));
    const now = quoted && changeMessage(quoted, e);
    if (now !== quoted) this.#quotes = new Map([...this.#quotes].map(([k, m]) => [k, m === quoted ? now : m]));
  }
}

export function fromHistory(m: HistoryMessage): Message {
  return {
    room: m.room, id: m.id, seq: m.seq, user: m.user, name: m.name, ts: m.ts, text: m.text, reactions: m.reactions ?? {},
    ...(m.reply_to && { replyTo: { id: m.reply_to, ...(m.reply_author && { user: m.reply_author }) } }),
    ...(m.edited_ts && { editedTs: m.edited_ts }),
    ...(m.deleted && { deleted: true }),
    ...(m.pinned && { pinned: true, ...(m.pinned_by && { pinnedBy: m.pinned_by, pinnedTs: m.pinned_ts ?? 0 }) }),
    ...mentionsOf(m),
    ...(inThread(m) && { thread: { user: m.thread!.author, id: m.thread!.id } }),
    ...(typeof m.replies?.count === 'number' && {
      replies: { count: m.replies.count, more: m.replies.more === true, users: m.replies.users ?? [], last: m.replies.last, ts: m.replies.last_ts },
    }),
  };
}

/** Whether a message is an answer in a thread; one that names itself is in none. */
function inThread(m: HistoryMessage): boolean {
  const t = m.thread;
  return typeof t?.author === 'string' && typeof t.id === 'string' && !(t.author === m.user && t.id === m.id);
}

/** Whether a message is shown in a thread alone, and not in its room. */
export const onlyInThread = (m: HistoryMessage): boolean => inThread(m) && m.broadcast !== true;

const nameOf = (name: Name): string => key(name.user, name.id);

const key = (user: string, id: string): string => `${user}/${id}`;

/**
 * A name of a message as a key: an id alone is not unique. Without a user it stands for the first
 * message with the id.
 */
export const nameKey = (name: ReplyTarget): string => key(name.user ?? '', name.id);

/** Messages, which are in order, by their names. */
export function names(messages: readonly Message[]): ReadonlyMap<string, Message> {
  const all = new Map<string, Message>();
  for (const m of messages) {
    all.set(nameKey(m), m);
    const first = nameKey({ id: m.id });
    if (!all.has(first)) all.set(first, m);
  }
  return all;
}
