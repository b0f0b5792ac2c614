/** What an answer has under a name, whatever the server sent there. */
export type Fields = Record<string, unknown>;

export const text = (v: unknown): string => (typeof v === 'string' ? v : '');
export const number = (v: unknown): number => (typeof v === 'number' ? v : 0);
export const fields = (v: unknown): Fields => (typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Fields) : {});
export const list = (v: unknown): Fields[] => (Array.isArray(v) ? v.map(fields) : []);
/** A time in UTC ms under a name of ours, if there is one. */
export function at<K extends string>(key: K, v: unknown): { readonly [P in K]?: number } {
  return typeof v === 'number' && v > 0 ? ({ [key]: v } as { [P in K]: number }) : {};
}
