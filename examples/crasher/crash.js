// Runs for a moment, then fails: to see restarts, and what `status` and `logs` say of it.
console.log('all is well');
setTimeout(() => {
  console.error('something went wrong');
  process.exit(1);
}, 700);
