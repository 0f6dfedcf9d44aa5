/** The catalog as data, for the CLI's generated half: written to a file at build time, so that the CLI loads no Nest and no classes. */
import { openCommands } from './commands/schemas.ts';
import { projections } from './projections/registry.ts';

const singular = (name: string): string => name.replace(/s$/, '');
export const describeForCli = () => ({
  commands: openCommands().map(({ permission: _, ...command }) => command),
  models: projections.filter(({ columns }) => columns.length > 0).map(({ name, summary, indexes, columns, scope }) => ({ name, noun: singular(name), summary, audience: scope === 'staff' ? 'operator' : 'customer', filters: indexes, columns })),
});
