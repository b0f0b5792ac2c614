const encoder = new TextEncoder();

/** The length of a text in bytes of UTF-8, as the server's limit counts it. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}
