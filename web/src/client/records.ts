import type { StoredPreferences } from './preferences.ts';
import type { SystemEvent, HistoryMessage, Name } from './protocol.ts';

/** A user as the directory knows them. */
export interface User {
  readonly id: string;
  readonly name: string;
  readonly guest: boolean;
}

/** What log in, register, guest and refresh answer. */
export interface Grant {
  readonly token: string;
  /** UTC ms; of a session by the clock of this device. */
  readonly expiresAt: number;
  /** From its receipt to its end, ms, if the server said so. */
  readonly life?: number;
  /** Absent: the browser has it in a cookie, which scripts cannot read. */
  readonly refreshToken?: string;
  /**
   * What the next refresh says, and says again until it has an answer: it is stored before the
   * refresh is sent.
   */
  readonly attempt?: string;
  readonly user: User;
}

/** What a client shows at its start, in one answer. */
export interface Start {
  readonly rooms: readonly RoomInfo[];
  /** Absent: the server is of an earlier release, and is asked for each. */
  readonly lists?: StartLists;
}
export interface StartLists {
  readonly requests: { readonly list: readonly MessageRequest[]; readonly more: boolean };
  readonly invitations: readonly Invitation[];
  readonly blocks: readonly Block[];
  /** Absent: of a server of an earlier release, which keeps none. */
  readonly preferences?: StoredPreferences;
  /** What the user is on the server. */
  readonly role: 'operator' | 'auditor' | '';
  /** See `Door`. */
  readonly guestMay: readonly string[] | undefined;
}

/** Who may come in. */
export interface AdmissionPolicy {
  readonly registration: 'open' | 'invited' | 'closed';
  readonly guests: 'on' | 'rooms' | 'off';
  /** The server sends mail to users who have forgotten their password. */
  readonly mail: boolean;
  /**
   * The actions that guests may do, of those that an operator may take away; absent: an older
   * server, which lets them do all.
   */
  readonly guestMay?: readonly string[];
  /** Of the invitation that was asked for: who invites, or why it is not good. */
  readonly invitation?: { readonly by: string; readonly problem: string };
}

/** What a user is in a room; one that this release does not know is as good as a member. */
export type Role = '' | 'reader' | 'member' | 'moderator' | 'owner';

/** A room of the list: one of the user's, or a public one. */
export interface RoomInfo {
  readonly id: string;
  readonly name: string;
  readonly topic: string;
  readonly private: boolean;
  readonly direct: boolean;
  /** Of a direct room: the id of the other person. */
  readonly with?: string;
  /** Of a group, which is a direct room of several people: the others. */
  readonly people?: readonly Pick<User, 'id' | 'name'>[];
  readonly role: Role;
  readonly member: boolean;
  /** When the user became a member, UTC ms; absent: not known, or long ago. */
  readonly since?: number;
  /** Slow mode: seconds between two messages of a member; absent: none. */
  readonly slow?: number;
  /**
   * Moderators and owners alone send, and members react (`react`) or read (`silent`); absent: every
   * member sends.
   */
  readonly announce?: string;
  /** False: guests are not let in; absent: they are. */
  readonly guests?: boolean;
  /** False: what messages said before they were edited is not shown; absent: it is. */
  readonly versions?: boolean;
  /** It can be read only. */
  readonly archived?: boolean;
  /** The user may not write here until then, UTC ms; absent: until it is lifted. */
  readonly muted?: { readonly until?: number; readonly reason: string };
  /** Of a direct room: the other has yet to accept it. */
  readonly waiting?: boolean;
  /** How long messages are kept; absent: forever. */
  readonly kept?: Retention;
}

/** How long messages of a room are kept: what is older goes, and what is not among the newest. */
export interface Retention {
  readonly days?: number;
  readonly count?: number;
  /** None that is so many days old or younger goes for their number. */
  readonly least?: number;
  /** The room's own rule, such as `30 days`; absent: the server's counts. */
  readonly rule?: string;
}

/**
 * What public rooms are sorted by: where somebody wrote last, the newest, or those with most
 * members.
 */
export type RoomSort = 'active' | 'new' | 'members';

/** Who may write in a room and how often, whether guests are let in, and what is shown and kept. */
export interface Rules {
  /** How long messages are kept; empty: as long as the server says. */
  readonly keep?: string;
  readonly slow?: number;
  readonly announce?: string;
  readonly guests?: boolean;
  /** What messages said before they were edited is shown. */
  readonly versions?: boolean;
}

/** A public room as it is found. */
export interface FoundRoom extends RoomInfo {
  /**
   * As of a minute or so ago, counted up to 1000; absent: it is for everybody, or the server does
   * not say.
   */
  readonly members?: number;
}

/** A stranger who wants to write to the user. */
export interface MessageRequest {
  readonly room: string;
  readonly user: string;
  readonly name: string;
  readonly count: number;
  /** UTC ms. */
  readonly since: number;
}

/** A room that the user is asked into. */
export interface Invitation {
  readonly room: string;
  readonly roomName: string;
  readonly private: boolean;
  readonly by: string;
  readonly byName: string;
}

/** `block`: cannot write to the user, and is not shown; `ignore`: is not shown. */
export type BlockKind = 'block' | 'ignore';

export interface Block {
  readonly user: string;
  readonly name: string;
  readonly kind: BlockKind;
}

/** Somebody who is kept from writing, or out of a room. */
export interface Restriction {
  readonly user: string;
  readonly name: string;
  /** Id of the user who did it. */
  readonly by: string;
  readonly reason: string;
  /** UTC ms. */
  readonly since: number;
  /** UTC ms; absent: until it is lifted. */
  readonly until?: number;
}

/** A message that somebody wants to be looked at, with its text as it was then. */
export interface Report {
  readonly id: string;
  readonly author: string;
  readonly authorName: string;
  readonly text: string;
  /** UTC ms of the message. */
  readonly sent: number;
  readonly reporterName: string;
  readonly reason: string;
  /** What the reporter says of it. */
  readonly words: string;
  readonly state: string;
  readonly takerName: string;
}

/** What may come of a report. */
export type ReportOutcome = 'dismiss' | 'delete' | 'mute' | 'ban';

/** How far back somebody's messages are removed. */
export type PurgeRange = 'hour' | 'day' | 'ever';

/** How somebody is kept: from writing, or out. */
export type RestrictionKind = 'mutes' | 'bans';

export interface Member {
  readonly user: string;
  readonly name: string;
  readonly role: Role;
}

/** The members of a room, by user id. */
export interface Members {
  readonly list: readonly Member[];
  /** There are more than are listed. */
  readonly more: boolean;
}

/** Which page of a room's messages is asked for over HTTP; see PROTOCOL.md. */
export interface PageQuery {
  readonly before?: number;
  readonly after?: number;
  readonly around?: number;
  /** UTC ms: around the first message of that time or later. */
  readonly at?: number;
  /** A seq: around the first message after it that mentions the user. */
  readonly mention?: number;
  readonly limit?: number;
}

/** A page of a room's messages. */
export interface MessagePage {
  readonly messages: readonly HistoryMessage[];
  readonly acts: readonly SystemEvent[];
  readonly more: boolean;
  /**
   * Of a page by time or mention: the seq of the message that it is around; absent: there is none.
   */
  readonly found?: number;
  /** The thread that it is an answer in, if the room does not show it. */
  readonly foundIn?: Name;
}
