import type { Client } from './client.ts';

/**
 * Calls back when a room is live with another log than before: what was read of it has to be read
 * anew. Returns what ends that.
 */
export function onReset(client: Client, room: string, then: () => void): () => void {
  let resets = client.rooms.get(room)?.log.resets ?? 0;
  return client.on('room', (of) => {
    const now = of === room ? client.rooms.get(room) : undefined;
    // Without a connection there is nothing to be read yet.
    if (!now?.live || now.log.resets === resets) return;
    resets = now.log.resets;
    then();
  });
}
