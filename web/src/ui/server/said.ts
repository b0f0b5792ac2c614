import type { Sentences } from '../../lang/said.ts';
import { m } from '../../lang/language.svelte.ts';

/** The server's error messages that only operators get. */
export const toOperators: Sentences = {
  'a proxy of this server is in that network: see --trusted-proxies': () => m.proxyNetworkError(),
  "an operator's account cannot be changed: take the role away first": () => m.operatorAccountError(),
  "an operator's password cannot be reset by another operator: use hubbub admin reset, or take the role away first": () => m.operatorPasswordError(),
  'say which rooms guests may enter, or turn guests off': () => m.guestRoomsError(),
  'somebody else changed this at the same moment: try again': () => m.changedMeanwhileError(),
  'somebody else has taken or resolved that report meanwhile': () => m.reportTakenError(),
  'that report is resolved already': () => m.reportResolvedError(),
  'the account is disabled: enable it first': () => m.isDisabledError(),
  'the image is none that browsers show as an emoji: take a PNG, GIF or WebP': () => m.notAnImageError(),
  'the user has a role on this server: take that away first': () => m.hasARoleError(),
  'the user is banned from this server: end the ban first': () => m.isBannedError(),
  'there are too many invitations: wait until some have been over for a month': () => m.tooManyInvitationsError(),
  'there is no room with that id': () => m.noSuchRoomIdError(),
  'there is no such hold: it may have been lifted': () => m.noSuchHoldError(),
  'there is no such user': () => m.noSuchUserError(),
  'this is the last operator: make somebody else one first': () => m.lastOperatorError(),
  'you are in that network yourself: confirm the ban to keep out everybody there but operators': () => m.ownNetworkError(),
};
