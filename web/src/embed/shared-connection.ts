import { Client, environment, outboxStore, readsStore, type Api, type Credentials } from '../client/index.ts';

/** A connection that several elements of a page share, since the same person uses them. */
export interface SharedConnection {
  readonly client: Client;
  readonly session: Credentials;
  /** The rooms that the elements show: the connection follows none of the user's other rooms. */
  readonly rooms: Set<string>;
  /** How many elements use it. */
  users: number;
}

const all = new Map<string, SharedConnection>();

/**
 * Returns a person's connection to a server, and makes one if there is none. Call `release` once
 * for each call.
 */
export function acquireConnection(server: string, person: string, api: Api, session: Credentials): SharedConnection {
  const key = `${server} ${person}`;
  let shared = all.get(key);
  if (!shared) {
    const rooms = new Set<string>();
    const { id } = session.user!;
    const client = new Client({
      api, session, environment: environment(), device: 'web', only: rooms,
      url: `${server}/v1/ws`.replace(/^http/, 'ws'),
      stores: { outbox: outboxStore(`hubbub.outbox.${id}`), reads: readsStore(`hubbub.reads.${id}`) },
    });
    client.start();
    all.set(key, (shared = { client, session, rooms, users: 0 }));
  }
  shared.users++;
  return shared;
}

/** Ends the use of a connection; the last one closes it. */
export function releaseConnection(shared: SharedConnection, done: () => void): void {
  if (--shared.users > 0) return;
  shared.client.stop();
  for (const [key, s] of all) if (s === shared) all.delete(key);
  done();
}

/** The connection of a person to a server, if there is one. */
export const sharedConnection = (server: string, person: string): SharedConnection | undefined => all.get(`${server} ${person}`);
