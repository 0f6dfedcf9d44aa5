// Answers HTTP on PORT and prints a line a second. Ends at once when it is asked to.
import { createServer } from 'node:http';

const started = Date.now();
const seconds = () => Math.round((Date.now() - started) / 1000);
const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`);
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end(`Hello from ${process.env.GREETING ?? 'Node.js'}, up for ${seconds()} s\n`);
});
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => console.log(`listening on port ${server.address().port}`));
setInterval(() => console.log(`still here after ${seconds()} s`), 1000);
process.on('SIGTERM', () => {
  console.log('goodbye');
  process.exit(0);
});
