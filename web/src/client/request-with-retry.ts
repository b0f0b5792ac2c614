import { HubbubError } from './errors.ts';
import type { Command, ReplyOf } from './protocol.ts';
import { sleep } from './sleep.ts';

/** The longest wait that is worth it while a user is waiting, ms. */
const patience = 3_000;

interface Asked {
  request<C extends Command>(command: C): Promise<ReplyOf<C>>;
}

/**
 * Tries once more where the server says that a short wait helps. The msg_id makes the repeat
 * harmless.
 */
export async function requestWithRetry<C extends Command & { msg_id: string }>(connection: Asked, command: C): Promise<ReplyOf<C>> {
  try {
    return await connection.request(command);
  } catch (err) {
    if (!(err instanceof HubbubError) || err.retryAfterMs === undefined || err.retryAfterMs > patience) throw err;
    await sleep(err.retryAfterMs);
    return connection.request(command);
  }
}
