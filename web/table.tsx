/** Tables that a narrow screen reads as blocks. */
import type { ComponentChildren, JSX } from 'preact';

export type Column = { readonly name: string; readonly number?: true };
/** On a narrow screen each row becomes a block, with the column's name before each value. */
export const Table = ({ label, columns, rows }: { label: string; columns: readonly Column[]; rows: readonly { readonly key: string; readonly cells: readonly ComponentChildren[] }[] }): JSX.Element => (
  <table class="list">
    <caption class="sr">{label}</caption>
    <thead><tr>{columns.map(({ name, number }) => <th key={name} scope="col" class={number ? 'number' : undefined}>{name === '' ? <span class="sr">Actions</span> : name}</th>)}</tr></thead>
    <tbody>{rows.map(({ key, cells }) => <tr key={key}>{cells.map((cell, n) => <td key={n} data-label={columns[n]?.name} class={columns[n]?.number ? 'number' : undefined}>{cell}</td>)}</tr>)}</tbody>
  </table>
);
