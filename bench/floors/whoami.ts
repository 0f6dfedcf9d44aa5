/** Floor of the `whoami` row: a plain script that makes one `node:http` request and prints the answer. */
import { request } from 'node:http';

const [url = '', token = ''] = process.argv.slice(2);
request(`${url}/sessions/whoami`, { headers: { authorization: `Bearer ${token}` } }, (answer) => {
  let text = '';
  answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => {
    const { account, email } = JSON.parse(text) as { account: string; email: string };
    process.stdout.write(`${account} ${email}\n`);
  });
}).end();
