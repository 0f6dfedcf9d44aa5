/** Tokens and Derivation by every adapter: derivedTokens and derivation are the only ones. */
import { derivation, derivedTokens } from '../../src/adapters/system/derivation.ts';
import { SeededRandom } from '../../src/adapters/system/random.ts';
import { derivationContract, tokensContract } from './tokens.contract.ts';

const key = (seed: string) => Buffer.from(new SeededRandom(seed).bytes(32));
tokensContract('derivedTokens', () => derivedTokens('k1', new Map([['k1', key('tokens')]])));
derivationContract('derivation', () => derivation(key('ids'), new SeededRandom('chance')));
