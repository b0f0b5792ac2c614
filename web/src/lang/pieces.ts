/**
 * The place in a message of what is no text, such as a link: give it to the message as a parameter,
 * and the message and what belongs there to Mixed.svelte. Its two signs are none of Unicode's
 * characters, so nobody types them.
 */
export const hole = (n: number): string => `\uFDD0${n}\uFDD1`;

/** A message with holes: texts, and the numbers of holes, in the order of the language. */
export const pieces = (message: string): (string | number)[] =>
  message.split(/\uFDD0(\d)\uFDD1/).map((piece, i) => (i % 2 ? Number(piece) : piece)).filter((piece) => piece !== '');
