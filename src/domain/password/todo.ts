import type { Todo } from '../decider.ts';
import type { Password, ResetFlow } from './state.ts';

export type PasswordTodo =
  | (Todo<'QueueResetMail'> & { readonly flow: ResetFlow })
  | (Todo<'TellPasswordChange'> & { readonly change: NonNullable<Password['untold']> });

export const todo = ({ flows, untold }: Password): readonly PasswordTodo[] => [
  ...(untold ? [{ do: 'TellPasswordChange', key: `${untold.person}.password.${untold.n}`, change: untold } as const] : []),
  ...flows.filter(({ mailed }) => !mailed).map((flow) => ({ do: 'QueueResetMail', key: `${flow.flowId}.reset`, flow }) as const),
];
