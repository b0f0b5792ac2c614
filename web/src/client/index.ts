/**
 * The TypeScript client of Hubbub. It owns the connection and what arrives over it, and refuses to
 * know how that is shown: no framework, no DOM beyond WebSocket, fetch and storage.
 * @example const api = new Api(); const env = environment(); const session = new Session(api,
 * browserStore('session'), env); await session.guest('Ada'); const client = new Client({ api,
 * session, url: 'wss://chat.example.org/v1/ws', device: 'web', environment: env, stores: { outbox:
 * outboxStore('outbox'), reads: readsStore('reads') }, }); client.on('room', (id) =>
 * console.log(client.rooms.get(id)?.log.messages)); client.start(); client.send('lobby', 'Hello!');
 */
export { Account, type Login, type MailAddress, type Settings, type Audience } from './account.ts';
export {
  Api, type Block, type BlockKind, type AdmissionPolicy, type FoundRoom, type Grant, type Invitation, type RestrictionKind, type Restriction, type Member, type Members, type MessageRequest, type PageQuery,
  type Report, type Role, type RoomInfo, type RoomSort, type PurgeRange, type StartLists, type User, type ReportOutcome,
} from './api.ts';
export { browserStore } from './browserstore.ts';
export { Client, type ClientOptions } from './client.ts';
export type { Unread } from './unread.ts';
export { type UnreadThread } from './followed-threads.ts';
export { timings, type ConnectionState, type Socket, type Timings } from './connection.ts';
export { Directory, type RoomPatch } from './directory.ts';
export { environment, type Environment } from './environment.ts';
export { asSentence, ConnectionLost, hasCode, HubbubError, inEnglish } from './errors.ts';
export { everybodysRooms, userRoom } from './id.ts';
export { shownInRoom, type InThread, type Outgoing, type OutboxStore } from './outbox.ts';
export { nobody, type Online } from './people.ts';
export type { Retention } from './records.ts';
export { Preferences, type StoredPreferences } from './preferences.ts';
export type { SystemEvent, HistoryMessage, Limits, LogEvent, ModeratedEvent, Name, NoticeEvent, Person, Position, Status, TopicEvent } from './protocol.ts';
export type { InboxLatest, InboxRoom } from './inbox.ts';
export type { ReadsStore } from './reads.ts';
export type { History, Room } from './room.ts';
export { nameKey, names, type Message, type ThreadSummary, type ReplyTarget } from './roomlog.ts';
// Server itself is loaded by those who need it: from './server.ts'.
export type {
  Server, Act, ActFilter, Admission, ContextMessage, Decision, NamedRestriction, NetworkBan, Page, PeopleInvitation, ServerEmoji, ServerRetention, Hold,
  ServerPerson, ServerReport, ServerRole, ServerRoom, ServerUser, UserFilter,
} from './server.ts';
export { type Credentials, Session, type SessionStore } from './session.ts';
export { persistentList, type PersistentList } from './persistent-list.ts';
export { outboxStore, readsStore } from './stores.ts';
