/** The only source of chance: keys, IVs, ids, handles. */
export interface Random {
  bytes(count: number): Uint8Array;
}
