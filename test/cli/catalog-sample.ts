import type { Catalog } from '../../cli/catalog.ts';

/** A catalog like the one that the build makes from the server's, with one field of each type. */
export const catalogSample: Catalog = {
  commands: [
    { name: 'AddInvite', noun: 'invite', verb: 'add', summary: 'Invite an address to sign up', audience: 'operator', fields: [{ name: 'email', flag: 'email', type: 'string', required: true, description: 'Address to invite', example: 'ada@example.com' }] },
    { name: 'SwitchInvites', noun: 'invite', verb: 'switch', summary: 'Switch invite-only sign-up on or off', audience: 'operator', fields: [{ name: 'to', flag: 'to', type: 'enum', enum: ['on', 'off'], required: true, description: 'on: only invited addresses may sign up; off: anybody may' }] },
    {
      name: 'OfferPlan', noun: 'plan', verb: 'offer', summary: 'Put a plan on sale', audience: 'operator',
      fields: [
        { name: 'name', flag: 'name', type: 'string', required: true, description: 'Name customers see', example: 'developer' },
        { name: 'amount', flag: 'amount', type: 'integer', required: true, description: 'Price a month in minor units (3500 = 35.00)', example: '3500' },
        { name: 'currency', flag: 'currency', type: 'string', required: true, description: 'Currency of the price', example: 'USD' },
        { name: 'graceDays', flag: 'grace-days', type: 'integer', required: false, description: 'Days of grace after a missed payment (7)' },
        { name: 'onSale', flag: 'on-sale', type: 'boolean', required: false, description: 'Whether it can be bought at once' },
        { name: 'labels', flag: 'labels', type: 'record', required: false, description: 'Labels, name to value' },
        { name: 'secretNote', flag: 'secret-note', type: 'string', required: false, description: 'A note that is no plain flag', secret: true },
      ],
    },
    { name: 'KillWorkload', noun: 'workload', verb: 'kill', summary: 'Stop a workload and remove it', audience: 'customer', fields: [{ name: 'workloadId', flag: 'workload-id', type: 'string', required: true, description: 'Workload to stop' }] },
  ],
  models: [
    { name: 'invites', noun: 'invite', summary: 'Who has been invited', audience: 'operator', filters: ['status'], columns: ['id', 'email', 'status', 'at'] },
    { name: 'plans', noun: 'plan', summary: 'What customers can subscribe to', audience: 'customer', filters: ['onSale'], columns: ['id', 'name', 'price', 'interval', 'onSale'] },
    { name: 'accounts', noun: 'account', summary: 'Customers', audience: 'customer', filters: ['accountId'], columns: ['id', 'email', 'at'] },
    { name: 'namespaces', noun: 'namespace', summary: 'Where workloads and limits live', audience: 'customer', filters: ['accountId', 'name'], columns: ['id', 'name', 'level'] },
    { name: 'workloads', noun: 'workload', summary: 'What customers run', audience: 'customer', filters: ['name', 'state'], columns: ['name', 'state', 'address'] },
  ],
};
