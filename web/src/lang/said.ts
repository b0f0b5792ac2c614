import { m } from './language.svelte.ts';

/** Sentences of the server, as they stand in its source, and the messages for them. */
export type Sentences = Readonly<Record<string, () => string>>;

/** What the server says to everybody, at the door and in rooms. */
export const toEverybody: Sentences = {
  'an invitation is needed to register here: ask somebody for a link': () => m.invitationNeededError(),
  'registration is closed here: ask whoever runs this server': () => m.registrationClosedError(),
  'that is not the room\'s name: type it exactly, to confirm which room you delete': () => m.wrongRoomNameError(),
  'that name is reserved: choose another': () => m.nameReservedError(),
  'that name is taken': () => m.nameTakenError(),
  'the current password is wrong': () => m.currentPasswordError(),
  'the name or the password is wrong': () => m.wrongPasswordError(),
  'the set-up link was used already: ask an operator for the role, or use hubbub admin promote': () => m.setupUsedError(),
  'there is no such invitation: check that the link is complete': () => m.invitationWrongError(),
  'there is no such room, or you may not enter it': () => m.noSuchRoomError(),
  'this account is disabled: ask whoever runs this server': () => m.accountDisabledError(),
  'this invitation has ended: ask for another': () => m.invitationEndedError(),
  'this invitation was taken back: ask for another': () => m.invitationRevokedError(),
  'this invitation was used by as many as it was for: ask for another': () => m.invitationUsedError(),
  'this link was used, is too old, or was followed by a newer one: ask for another': () => m.oldLinkError(),
  'this server admits no guests: log in': () => m.noGuestsError(),
  'you are banned from this server': () => m.bannedError(),
};

let known = toEverybody;

/** Knows more sentences from now on: those of a part of the page that is loaded when it is shown. */
export function alsoSaid(more: Sentences): void {
  known = { ...known, ...more };
}

/** What the server said in English, also as a sentence for a person, in the language of the page, if it is known. */
export function said(english: string): string | undefined {
  const key = english.charAt(0).toLowerCase() + english.slice(1).replace(/\.$/, '');
  return Object.hasOwn(known, key) ? known[key]!() : undefined;
}
