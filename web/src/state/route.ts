/** Where the page is: the list of rooms, one of them, or where a new password is chosen by a link. */
export type Route = { readonly page: 'rooms' } | { readonly page: 'room'; readonly room: string } | { readonly page: 'reset'; readonly secret: string };

/** Reads the part of the address after #. What is not an address of ours is the list of rooms. */
export function parseRoute(hash: string): Route {
  const secret = /^#\/reset\/([A-Za-z0-9_-]{1,128})$/.exec(hash)?.[1];
  if (secret !== undefined) return { page: 'reset', secret };
  const room = /^#\/room\/([A-Za-z0-9_-]{1,64})$/.exec(hash)?.[1];
  return room === undefined ? { page: 'rooms' } : { page: 'room', room };
}

export function roomHash(room: string): string {
  return `#/room/${room}`;
}
