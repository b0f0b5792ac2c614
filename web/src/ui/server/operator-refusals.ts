import { age, type Refusals } from '../../lang/refusals.ts';
import { m } from '../../lang/language.svelte.ts';
import { isolate } from '../../text/bidi.ts';

/** The server's error messages that only operators get. */
export const operatorRefusals: Refusals = {
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
  'the server has no emoji with that name': () => m.noSuchEmojiError(),
  'an operator cannot be banned: take the role away first': () => m.noOperatorBanError(),
  'an operator cannot be muted on the server: take the role away first': () => m.noOperatorMuteError(),
  "an operator's messages cannot be deleted by others: take the role away first": () => m.noOperatorPurgeError(),
  'only who runs this server may do that': () => m.onlyOperatorsError(),
  'you cannot ban yourself': () => m.ownBanError(),
  "you cannot delete your own account here: do it in your account's settings": () => m.ownDeleteError(),
  'you cannot disable your own account': () => m.ownDisableError(),
  'you cannot mute yourself': () => m.ownMuteError(),
  // The rooms of guests.
  'guests can be let into at most %d rooms: leave some out': (count: number) => m.guestRoomsManyError({ count }),
  'there is no public room %q: it was deleted or made private, so leave it out': (id: string) => m.noPublicRoomIdError({ id }),
  // Networks.
  '%.60q has a zone, which only this machine knows: leave it out': (network: string) => m.networkZoneError({ network: isolate(network) }),
  '%.60q is more than all of IPv4': (network: string) => m.networkAllError({ network }),
  '%.60q is not a network: write it like 192.0.2.0/24 or 2001:db8::/32': (network: string) => m.notANetworkError({ network: isolate(network) }),
  '%.60q is too large: the largest is a /%d, of IPv6 a /%d': (network: string, four: number, six: number) => m.networkLargeError({ network, four, six }),
  '%.60q is too small: a client with one address of an IPv6 /%d has all of them': (network: string, six: number) => m.networkSmallError({ network, six }),
  'at most %d networks can be banned: end a ban first': (count: number) => m.networksFullError({ count }),
  // Emoji.
  'an emoji\'s name has %d to %d of the characters a to z, 0 to 9, "_", "+" and "-"': (least: number, most: number) => m.emojiNameError({ least, most }),
  "the image has %d KiB, and an emoji's has at most %d": (size: number, most: number) => m.emojiImageSizeError({ size, most }),
  "the image has %d × %d pixels, and an emoji's has at most %d × %d": (width: number, height: number, maxWidth: number, maxHeight: number) => m.emojiImagePixelsError({ width, height, maxWidth, maxHeight }),
  'the server has %d emoji of its own, which is as many as it can have: remove one first': (count: number) => m.emojiFullError({ count }),
  // Roles, bans, holds and invitations.
  'a ban lasts for 1 to %d minutes, or with 0 until somebody ends it': (count: number) => m.banLengthError({ count }),
  'an invitation is for 1 to %d people, and good for a minute to a year': (count: number) => m.invitationForError({ count }),
  'there are %d holds, which are as many as there can be: lift one first': (count: number) => m.holdsFullError({ count }),
  'there can be at most %d operators and auditors: take a role away first': (count: number) => m.rolesFullError({ count }),
  // How long messages are kept. Rules are typed in English in all languages.
  'a bound is an age of 1 to %d days, such as "7 days", or empty for none': (most: number) => m.boundFormError({ most }),
  'a rule is "forever", an age such as "30 days", or a number such as "1000 messages"': () => m.ruleFormError(),
  'a rule is "forever", an age such as "30 days", or a number such as "1000 messages"; its units are days, weeks, months (of 30 days), years (of 365 days) and messages': () => m.ruleUnitsError(),
  'a rule keeps 1 to %d messages, or all: forever': (most: number) => m.ruleCountError({ most }),
  'a rule keeps messages for 1 to %d days (50 years), or forever': (most: number) => m.ruleAgeError({ most }),
  'what is to be kept for %s at least cannot be removed after %s': (least: string, most: string) => m.boundsCrossedError({ least: age(least), most: age(most) }),
};
