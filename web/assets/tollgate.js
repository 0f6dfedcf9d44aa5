/* Copy buttons. Without this script they stay hidden; a click on a token selects all of it anyway. */
for (const button of document.querySelectorAll('button[data-copy]')) {
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
