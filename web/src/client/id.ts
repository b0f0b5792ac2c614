/**
 * Returns a new random id (UUIDv4). crypto.randomUUID exists only on https and localhost, and a
 * chat on a home network is often opened over plain http.
 */
export function newID(): string {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6]! & 0x0f) | 0x40;
  b[8] = (b[8]! & 0x3f) | 0x80;
  const hex = Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The rooms that everybody is in from a server's first start on. Their names may change. */
export const everybodysRooms: readonly string[] = ['lobby', 'random', 'help'];

/** Returns the user's own room, where invitations and removals arrive. */
export function userRoom(user: string): string {
  return `u-${user}`;
}
