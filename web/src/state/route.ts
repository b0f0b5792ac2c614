/** Where the page is: the list of rooms, or one of them. */
export type Route = { readonly page: 'rooms' } | { readonly page: 'room'; readonly room: string };

/** Reads the part of the address after #. What is not an address of ours is the list of rooms. */
export function parseRoute(hash: string): Route {
  const room = /^#\/room\/([A-Za-z0-9_-]{1,64})$/.exec(hash)?.[1];
  return room === undefined ? { page: 'rooms' } : { page: 'room', room };
}

export function roomHash(room: string): string {
  return `#/room/${room}`;
}
