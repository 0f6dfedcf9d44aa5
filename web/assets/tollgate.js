/* What pages do better with a script. Without it every link and form works, and "Load again" looks again. */

/* Copy buttons. Without this script they stay hidden; a click on a token selects all of it anyway. */
const copyButtons = (from) => {
  for (const button of from.querySelectorAll('button[data-copy]')) {
    const source = document.getElementById(button.dataset.copy);
    const answer = document.querySelector(`[data-copied="${button.dataset.copy}"]`);
    if (!source) continue;
    button.hidden = false;
    button.addEventListener('click', async () => {
      let said = 'Copied';
      try {
        await navigator.clipboard.writeText(source.textContent);
      } catch {
        getSelection().selectAllChildren(source);
        said = 'Selected: press Ctrl or Cmd and C';
      }
      if (answer) answer.textContent = said;
      setTimeout(() => { if (answer) answer.textContent = ''; }, 4000);
    });
  }
};
copyButtons(document);

const pageAt = async (address) => {
  const response = await fetch(address, { headers: { accept: 'text/html' } });
  return { address: response.url, document: new DOMParser().parseFromString(await response.text(), 'text/html') };
};

/* Something is under way: look again until it is not, then show what became of it. */
const lookAgainMs = 2000;
const pending = document.querySelector('[data-look-again]');
if (pending) {
  const wanted = pending.dataset.lookAgain === location.pathname ? location.href : pending.dataset.lookAgain;
  const look = async () => {
    try {
      const found = await pageAt(wanted);
      if (!found.document.querySelector('[data-look-again]')) return location.replace(found.address);
    } catch { /* not reachable just now */ }
    setTimeout(look, lookAgainMs);
  };
  setTimeout(look, lookAgainMs);
}

/* Parts that follow what happens: told that something has changed, they are read again in place, unless somebody is just in them. */
const watched = document.querySelector('[data-watch]');
if (watched) {
  let waiting;
  const read = async () => {
    waiting = undefined;
    try {
      const found = await pageAt(location.href);
      for (const part of document.querySelectorAll('[data-live]')) {
        const fresh = found.document.querySelector(`[data-live="${part.dataset.live}"]`);
        if (fresh && fresh.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) part.replaceChildren(...fresh.childNodes);
      }
    } catch { /* the next change reads again */ }
  };
  const soon = () => { waiting ??= setTimeout(read, Number(watched.dataset.calm ?? 300)); };
  const changes = new EventSource(watched.dataset.watch);
  for (const name of ['change', 'reset']) changes.addEventListener(name, soon);
  changes.addEventListener('end', () => changes.close());
}

/* The log of a workload, line by line as it comes. */
const linesKept = 1000;
const log = document.querySelector('[data-log]');
if (log) {
  const state = document.querySelector('[data-log-state]');
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.scrollTop = log.scrollHeight;
  const lines = new EventSource(`${log.dataset.log}?after=${log.dataset.after}`);
  lines.addEventListener('open', () => { if (state) state.textContent = 'Live: lines appear as they come.'; });
  lines.addEventListener('error', () => { if (state) state.textContent = 'No new lines just now; looking again.'; });
  lines.addEventListener('message', ({ data }) => {
    const line = JSON.parse(data);
    if (line.text === undefined || log.querySelector(`[data-line="${Number(line.id)}"]`)) return;
    const follow = atEnd();
    const row = document.createElement('div');
    row.dataset.line = line.id;
    const time = document.createElement('time');
    time.dateTime = line.at;
    time.textContent = line.at.slice(11, 19);
    row.append(time, ' ');
    if (line.stream !== 'stdout') {
      row.className = 'log-other';
      const kind = document.createElement('span');
      kind.textContent = `${line.stream} `;
      row.append(kind);
    }
    row.append(line.text);
    log.hidden = false;
    log.append(row);
    while (log.childElementCount > linesKept) log.firstElementChild.remove();
    if (follow) log.scrollTop = log.scrollHeight;
  });
}
