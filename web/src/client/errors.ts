/**
 * A failure that carries one of the stable codes of PROTOCOL.md, from an `error` event or an HTTP
 * problem.
 */
export class HubbubError extends Error {
  override readonly name = 'HubbubError';

  readonly code: string;
  /** How long to wait before trying again, in ms; undefined where waiting alone does not help. */
  readonly retryAfterMs: number | undefined;
  /** The HTTP status, if it came over HTTP. */
  readonly status: number | undefined;

  constructor(code: string, message: string, retryAfterMs?: number, status?: number) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.status = status;
  }
}

/**
 * The connection ended before the answer came, or there was none: nobody knows whether the command
 * was carried out.
 */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';

  constructor(message = 'The connection to the server was lost.') {
    super(message);
  }
}

/**
 * Returns how long to wait before another try of a failed command makes sense, ms: the server's
 * wait, or else `guess`; undefined where waiting alone does not help. See the table of errors in
 * PROTOCOL.md.
 */
export function retryIn(err: HubbubError, guess: number): number | undefined {
  return err.retryAfterMs ?? (hasCode(err, 'unavailable', 'rate_limited', 'internal') ? guess : undefined);
}

/** Returns a sentence for a person. */
export function inEnglish(err: unknown): string {
  if (err instanceof HubbubError || err instanceof ConnectionLost) {
    return asSentence(err.message);
  }
  return 'Something went wrong. Please try again.';
}

/** Returns a message of the server's, which are written to follow a colon, as a sentence. */
export function asSentence(message: string): string {
  const sentence = message.charAt(0).toLocaleUpperCase() + message.slice(1);
  return /[.!?…]$/.test(sentence) ? sentence : `${sentence}.`;
}

/** Whether an error has one of the given codes. */
export function hasCode(err: unknown, ...codes: string[]): boolean {
  return err instanceof HubbubError && codes.includes(err.code);
}
