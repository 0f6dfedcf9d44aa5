/** Which addresses belong to the world at large: everything else may be a machine of ours. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

const notPublic = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24], ['192.0.2.0', 24], ['192.88.99.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15],
  ['198.51.100.0', 24], ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4],
] as const) notPublic.addSubnet(network, prefix, 'ipv4');
/** Within 2000::/3, outside of which no IPv6 address is public: loopback, link-local, unique-local, multicast, IPv4 in other clothes. */
const publicSix = new BlockList();
publicSix.addSubnet('2000::', 3, 'ipv6');
const notPublicSix = new BlockList();
for (const [network, prefix] of [['2001::', 23], ['2001:db8::', 32], ['2002::', 16], ['3fff::', 20]] as const) notPublicSix.addSubnet(network, prefix, 'ipv6');

export const isPublicAddress = (address: string): boolean => {
  if (isIPv4(address)) return !notPublic.check(address, 'ipv4');
  return isIPv6(address) && !address.includes('%') && publicSix.check(address, 'ipv6') && !notPublicSix.check(address, 'ipv6');
};
