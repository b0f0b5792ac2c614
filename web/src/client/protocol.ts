/**
 * The Hubbub client protocol, version 1, as types: what libs/wire/PROTOCOL.md says, and nothing
 * about how it is transported. Events that this file does not know are ignored by the client.
 */

/** The protocol version that `hello` names. */
export const VERSION = 1;

/**
 * A place in a room's log: the seq orders, the id proves that it is the same log. A place without
 * an entry has none.
 */
export interface Position {
  readonly seq: number;
  readonly id?: string;
}

/** As the next of `who`: from the first people on, however many are online. */
export const fromStart = '-';

/** What a user shows of themself. `invisible` is only ever said, never heard. */
export type Status = 'online' | 'idle' | 'dnd' | 'invisible' | 'offline';

export interface Person {
  readonly user: string;
  readonly name: string;
  readonly status: Status;
}

/** Names a message of a room: two users may give one the same id. Every message is its own name. */
export interface Name {
  readonly user: string;
  readonly id: string;
}

/** What every entry of a room's log carries. */
interface Entry {
  /** Position in the room's log; strictly increasing, not contiguous, below 2^53. */
  readonly seq: number;
  /** The seq of the entry before it in the room; 0 for the first. */
  readonly prev: number;
  readonly room: string;
  /** Chosen by the sender; unique with room and user. */
  readonly id: string;
  readonly user: string;
  readonly name: string;
  /** UTC milliseconds, for display only: seq orders. */
  readonly ts: number;
}

export interface MsgEvent extends Entry {
  readonly type: 'msg';
  readonly text: string;
  /**
   * The id and the user of the message that it answers. Without the user: the first message with
   * the id.
   */
  readonly reply_to?: string;
  readonly reply_author?: string;
  /** The root of the thread that it is an answer in. */
  readonly thread?: ThreadName;
  /** The answer is shown in its room, too. */
  readonly broadcast?: boolean;
}
/** Names a thread by its root, as the protocol does. */
export interface ThreadName {
  readonly author: string;
  readonly id: string;
}
/** What says something about a message: the one of this author with this id. */
interface About extends Entry {
  readonly target: string;
  /** Absent in entries of earlier releases: see `RoomLog`. */
  readonly author?: string;
}
export interface EditedEvent extends About {
  readonly type: 'edited';
  readonly text: string;
}
export interface DeletedEvent extends About {
  readonly type: 'deleted';
}
export interface ReactedEvent extends About {
  readonly type: 'reacted';
  readonly emoji: string;
  readonly on: boolean;
}
export interface PinnedEvent extends About {
  readonly type: 'pinned';
  readonly on: boolean;
}
/** The room's name and topic are now `name` and `text`. */
export interface TopicEvent extends Entry {
  readonly type: 'topic';
  readonly text: string;
}
export interface MemberEvent extends Entry {
  readonly type: 'member';
  readonly member: string;
  /** Absent: no longer a member. */
  readonly role?: string;
  /** The membership begins with it; absent: the role is another, or it ends. */
  readonly from?: number;
}
/**
 * In the user's own room: the user is now (`invited`), or is no longer (`removed`), a member of
 * `target`.
 */
export interface MembershipEvent extends Entry {
  readonly type: 'invited' | 'removed';
  readonly target: string;
}
/** In the user's own room: the list `target` of the user's is another now. */
export interface ChangedEvent extends Entry {
  readonly type: 'changed';
  readonly target: string;
}
export interface MentionedEvent extends Entry {
  readonly type: 'mentioned';
  /** In the user's own room: the message's room. */
  readonly target?: string;
  /** The seq of the message. */
  readonly at: number;
  /** Absent: not any more. */
  readonly on?: boolean;
  /** The thread that the message is in. */
  readonly thread?: ThreadName;
}
export interface ResetEvent extends Entry {
  readonly type: 'reset';
}

/** What those who look after a room or the server have done: `user`, called `name`, did `act`. */
export interface ModeratedEvent extends Entry {
  readonly type: 'moderated';
  /** `mute`, `unmute`, `rules`, or one that a newer server added. */
  readonly act: string;
  readonly member?: string;
  readonly member_name?: string;
  /** UTC ms; absent: until it is lifted. */
  readonly until?: number;
  /** The reason. */
  readonly text?: string;
  /** The role that `member` has now. */
  readonly role?: string;
  readonly slow?: number;
  readonly announce?: string;
  /** In the user's own room: the room that it is about; absent: the whole server. */
  readonly target?: string;
}
/** What stands beside the messages of a room: what was done and happened there. */
export type SystemEvent = ModeratedEvent | TopicEvent | MemberEvent | PinnedEvent;
/** An entry of a room's log. */
export type LogEvent =
  | MsgEvent
  | EditedEvent
  | DeletedEvent
  | ReactedEvent
  | PinnedEvent
  | TopicEvent
  | MemberEvent
  | MembershipEvent
  | ChangedEvent
  | ModeratedEvent
  | MentionedEvent
  | ResetEvent;

/** A log entry of a type that a newer server added: it moves the position on and shows nothing. */
export interface UnknownLogEvent extends Entry {
  readonly type: 'unknown';
}

/** A message as history keeps it. */
export interface HistoryMessage extends MsgEvent {
  readonly edited_ts?: number;
  readonly deleted?: boolean;
  readonly pinned?: boolean;
  /** Who pinned it, and when, UTC ms; absent: a server of an earlier release. */
  readonly pinned_by?: string;
  readonly pinned_ts?: number;
  readonly reactions?: Readonly<Record<string, readonly string[]>>;
  /** Whom it mentions: ids of users, `@room`, `@here`; absent: nobody, or it is not known yet. */
  readonly mentions?: readonly string[];
  /** How the text names those users, in their order. */
  readonly mention_names?: readonly string[];
  /** Of a root: what is known of its thread. */
  readonly replies?: {
    readonly count: number; readonly more?: boolean; readonly users: readonly string[]; readonly last: number; readonly last_ts: number;
  };
}

export interface Limits {
  /** Bytes of one frame. */
  readonly frame: number;
  /** Bytes of UTF-8 of one message's text. */
  readonly text: number;
  /** Rooms joined by one socket. */
  readonly rooms: number;
  /** Commands a second. */
  readonly rate: number;
  /** Commands at once; absent from servers of earlier releases, as are the next three. */
  readonly burst?: number;
  /** Sends that are not acknowledged yet. */
  readonly pending?: number;
  /** Bytes of one frame of the server's. */
  readonly event?: number;
  /** Rooms of one join; absent: one. */
  readonly joins?: number;
}

export interface WelcomeEvent {
  readonly type: 'welcome';
  readonly id?: string;
  readonly user: string;
  readonly name: string;
  readonly session: string;
  readonly limits: Limits;
  readonly ping_ms: number;
  readonly ts: number;
}
export interface JoinedEvent {
  readonly type: 'joined';
  readonly id?: string;
  readonly room: string;
  readonly seq: number;
  readonly more?: boolean;
  readonly rewind?: boolean;
}
export interface AckEvent {
  readonly type: 'ack';
  readonly id?: string;
  readonly room?: string;
  readonly msg_id?: string;
  readonly seq?: number;
  readonly ts?: number;
}
export interface ErrorEvent {
  readonly type: 'error';
  readonly id?: string;
  readonly code: string;
  readonly message: string;
  readonly retry_after_ms?: number;
}
export interface TypingEvent {
  readonly type: 'typing';
  readonly room: string;
  readonly user: string;
  readonly name: string;
}
export interface ReadEvent {
  readonly type: 'read';
  readonly room: string;
  readonly user: string;
  readonly seq: number;
}
export interface PresenceEvent {
  readonly type: 'presence';
  readonly room: string;
  readonly users: readonly Person[];
  readonly count: number;
}
export interface WhoEvent {
  readonly type: 'who';
  readonly id?: string;
  readonly room: string;
  readonly count: number;
  readonly users: readonly Person[];
  /** There are more: where they go on. */
  readonly next?: string;
  /**
   * Those who have just left and may come back untold, as they were, and when all who do not will
   * have been told of, ms.
   */
  readonly going?: readonly Person[];
  readonly going_ms?: number;
}
export interface HistoryEvent {
  readonly type: 'history';
  readonly id?: string;
  readonly room: string;
  readonly messages: readonly HistoryMessage[];
  /**
   * What was done and happened between them, by seq; a server of before that knew says nothing.
   */
  readonly acts: readonly SystemEvent[];
  readonly more: boolean;
  /** Of the page of a thread; absent: there is no such message. */
  readonly root?: HistoryMessage;
}
/** The answer to `inbox`, as it came: see `inboxRooms`. */
export interface InboxEvent {
  readonly type: 'inbox';
  readonly id?: string;
  readonly rooms: readonly unknown[];
  /** In the first answer: the followed threads with something new. */
  readonly threads?: unknown;
  readonly more_threads?: unknown;
  readonly next?: string;
}
export interface NoticeEvent {
  readonly type: 'notice';
  readonly id?: string;
  readonly room: string;
  readonly code: string;
  readonly text: string;
  readonly users?: readonly Person[];
  /** How many users there are, who may be more than are listed. */
  readonly count?: number;
}
export interface ByeEvent {
  readonly type: 'bye';
  /** The close code that follows. Servers of earlier releases name it in `code`, as a number. */
  readonly close_code?: number;
  readonly message: string;
  readonly retry_after_ms?: number;
}

/** Events that answer a command by its request id. */
export type Reply = WelcomeEvent | JoinedEvent | AckEvent | ErrorEvent | WhoEvent | HistoryEvent | InboxEvent;

/** Everything that a server may send and that this client understands. */
export type ServerEvent =
  | LogEvent
  | UnknownLogEvent
  | Reply
  | TypingEvent
  | ReadEvent
  | PresenceEvent
  | NoticeEvent
  | ByeEvent;

/** What a client may say. The request id is added by the connection. */
export type Command =
  | { type: 'join'; room: string; after?: Position }
  | { type: 'leave'; room: string }
  | { type: 'send'; room: string; msg_id: string; text: string; reply_to?: string; reply_author?: string; thread?: ThreadName; broadcast?: true; retry?: true }
  | { type: 'edit'; room: string; msg_id: string; target: string; author: string; text: string }
  | { type: 'delete'; room: string; msg_id: string; target: string; author: string }
  | { type: 'react'; room: string; msg_id: string; target: string; author: string; emoji: string; on: boolean }
  | { type: 'pin'; room: string; msg_id: string; target: string; author: string; on: boolean }
  | { type: 'typing'; room: string }
  | { type: 'read'; room: string; seq: number }
  | { type: 'history'; room: string; before?: number; after?: number; around?: number; limit?: number; thread?: ThreadName }
  | { type: 'inbox'; room?: string; next?: string }
  | { type: 'who'; room: string; next?: string }
  | { type: 'watch'; room: string; on: boolean }
  | { type: 'status'; status: Exclude<Status, 'offline'> }
  | { type: 'ping' };

/** A room of a join of several. Each is answered by its own request id. */
export interface RoomJoin {
  readonly id: string;
  readonly room: string;
  readonly after?: Position;
}

/** The event that answers a command. */
export type ReplyOf<C extends Command> = C extends { type: 'join' }
  ? JoinedEvent
  : C extends { type: 'history' }
    ? HistoryEvent
    : C extends { type: 'inbox' }
      ? InboxEvent
      : C extends { type: 'who' }
        ? WhoEvent
        : AckEvent;

/** The close codes that the client treats in a way of their own. */
export const Close = {
  tokenExpired: 4003,
  unauthorized: 4501,
  revoked: 4503,
  version: 4504,
} as const;

/** Reports whether a close code invites the client to come back by itself. */
export function shouldReconnect(code: number): boolean {
  return (code >= 4000 && code <= 4499) || code === 1001 || code === 1006 || (code >= 1011 && code <= 1014);
}
