/** Where the page is: the list of rooms, one of them, or where a link leads that chooses a new password or sets the server up. */
export type Route =
  | { readonly page: 'rooms' }
  | { readonly page: 'room'; readonly room: string }
  | { readonly page: 'reset' | 'setup'; readonly secret: string };

/** Reads the part of the address after #. What is not an address of ours is the list of rooms. */
export function parseRoute(hash: string): Route {
  const [, page, secret] = /^#\/(reset|setup)\/([A-Za-z0-9_-]{1,128})$/.exec(hash) ?? [];
  if (secret !== undefined) return { page: page === 'setup' ? 'setup' : 'reset', secret };
  const room = /^#\/room\/([A-Za-z0-9_-]{1,64})$/.exec(hash)?.[1];
  return room === undefined ? { page: 'rooms' } : { page: 'room', room };
}

/** The invitation that the address brings, as ?invite=…; undefined: none. */
export function parseInvitation(search: string): string | undefined {
  return new URLSearchParams(search).get('invite') || undefined;
}

export function roomHash(room: string): string {
  return `#/room/${room}`;
}
