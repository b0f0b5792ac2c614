import { m } from '../lang/language.svelte.ts';

/** Something that a text which begins with a slash does, instead of being sent. */
export interface SlashCommand {
  readonly name: string;
  /** What is written after the name; empty: nothing. */
  readonly takes: () => string;
  readonly about: () => string;
}

/** The commands, in the order of their help. */
export const slashCommands = [
  { name: 'help', takes: () => '', about: () => m.slashHelp() },
  { name: 'me', takes: () => m.slashMeTakes(), about: () => m.slashMe() },
  { name: 'shrug', takes: () => m.slashShrugTakes(), about: () => m.slashShrug() },
  { name: 'msg', takes: () => m.slashMsgTakes(), about: () => m.slashMsg() },
  { name: 'join', takes: () => m.slashJoinTakes(), about: () => m.slashJoin() },
  { name: 'leave', takes: () => '', about: () => m.slashLeave() },
  { name: 'invite', takes: () => m.slashNameTakes(), about: () => m.slashInvite() },
  { name: 'topic', takes: () => m.slashTopicTakes(), about: () => m.slashTopic() },
  { name: 'list-users', takes: () => '', about: () => m.slashListUsers() },
  { name: 'online', takes: () => '', about: () => m.slashOnline() },
  { name: 'away', takes: () => '', about: () => m.slashAway() },
  { name: 'dnd', takes: () => '', about: () => m.slashDnd() },
] as const satisfies readonly SlashCommand[];

export type SlashName = (typeof slashCommands)[number]['name'];

/** What becomes of a text when it is sent. */
export type Sending =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'command'; readonly name: SlashName; readonly rest: string }
  /** It begins as a command does, and there is none of that name. */
  | { readonly kind: 'unknown'; readonly name: string };

// A slash and one word. What goes on after the word, as /usr/bin does, is a text.
const command = /^\/([\p{L}\p{N}\p{M}_-]+)(?:\s+|$)/u;

/**
 * Decides what becomes of a text without blanks around it. A second slash before a command makes a
 * text of it, with one slash.
 */
export function parseSlash(text: string): Sending {
  if (text.startsWith('//') && command.test(text.slice(1))) return { kind: 'text', text: text.slice(1) };
  const match = command.exec(text);
  if (!match) return { kind: 'text', text };
  const name = match[1]!.toLowerCase();
  const known = slashCommands.find((c) => c.name === name);
  return known ? { kind: 'command', name: known.name, rest: text.slice(match[0].length).trim() } : { kind: 'unknown', name: match[1]! };
}

/**
 * The commands that begin as a text does of which only a slash and some letters are written.
 * Whoever has written all of a name needs no suggestion of it.
 */
export function slashSuggestions(text: string): readonly SlashCommand[] {
  const typed = /^\/([\p{L}\p{N}_-]*)$/u.exec(text)?.[1]?.toLowerCase();
  if (typed === undefined) return [];
  const fitting = slashCommands.filter((c) => c.name.startsWith(typed));
  return fitting.length === 1 && fitting[0]!.name === typed ? [] : fitting;
}
