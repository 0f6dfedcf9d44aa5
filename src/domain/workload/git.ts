import { rejections } from '../decider.ts';

/** What a source host refuses, by the port's codes: `{detail}` is its own sentence. */
export const rejectGit = rejections({
  GitUnusable: ['invalid', '{detail}.', "Clone it yourself and run the folder: 'tollgate run PATH'."],
  GitAddressRefused: ['invalid', '{detail}.', 'Give an address like https://github.com/owner/repository.'],
  GitHostNotAllowed: ['invalid', '{detail}.', "Clone it yourself and run the folder, or ask the operator to add the host (--git-allow)."],
  GitHostNotTrusted: ['invalid', '{detail}.', 'Ask the operator to make this server trust it.'],
  GitRepositoryNotFound: ['not-found', '{detail}.', "Check the address; a private one needs 'tollgate git credential set HOST'."],
  GitRepositoryMoved: ['invalid', '{detail}.', 'Give the address that a browser shows.'],
  GitRefNotFound: ['not-found', '{detail}.', 'Name a branch, a tag, or a commit by its whole hash.'],
  GitCredentialNeeded: ['forbidden', '{detail}.', "Check the address, or store a credential: 'tollgate git credential set HOST'."],
  GitCredentialRefused: ['forbidden', '{detail}.', "Store another one: 'tollgate git credential set HOST'."],
  GitRepositoryRefused: ['invalid', '{detail}.', "Correct it there, or clone it and run the folder: 'tollgate run PATH'."],
  SourceTooBig: ['invalid', '{detail}.', "Clone it and run a folder of it: 'tollgate run PATH'."],
  GitLookupsUsedUp: ['exhausted', 'Repositories have been looked up {limit} times in {minutes} minutes for this namespace.', 'Try again after the time given.'],
  SourceOrGit: ['invalid', "Either 'source' (what was uploaded) or 'git' (an address) is needed, and 'ref' goes with 'git' only.", 'Send exactly one of the two.'],
  NoRepository: ['invalid', 'This workload runs an uploaded folder: there is no repository to look in.', "Give a folder or an address: 'tollgate update NAME SOURCE'."],
});
