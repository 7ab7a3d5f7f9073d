'use strict';
(() => {
  const body = document.querySelector('tbody');
  const rows = Array.from(body.rows);
  const search = document.getElementById('search');
  const shown = document.getElementById('shown');
  const language = document.getElementById('language');
  const number = document.getElementById('number');
  const texts = rows.map((row) => row.textContent.toLowerCase());

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    rows.forEach((row, place) => {
      const wanted = (shown.value === 'all' || row.dataset.state === shown.value) &&
        (!language || language.value === 'all' || row.dataset.lang === language.value) &&
        words.every((word) => texts[place].includes(word));
      row.hidden = !wanted;
      left += wanted ? 1 : 0;
    });
    number.textContent = `${left} of ${rows.length} clips`;
  }

  function compare(key, numeric) {
    return (one, other) => {
      const [a, b] = [one.dataset[key], other.dataset[key]];
      if (a === '' || b === '') return (a === '') - (b === '');
      return numeric ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0;
    };
  }

  function sort(button) {
    const head = button.closest('th');
    const down = head.getAttribute('aria-sort') === 'ascending';
    document.querySelectorAll('thead th').forEach((other) => other.removeAttribute('aria-sort'));
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const order = compare(button.dataset.key, button.dataset.numeric === 'yes');
    const empty = (row) => row.dataset[button.dataset.key] === '';
    // What is not known stays at the end in both directions.
    const sorted = rows.slice().sort((one, other) => (down && !empty(one) && !empty(other) ? order(other, one) : order(one, other)));
    body.append(...sorted);
  }

  search.addEventListener('input', filter);
  [shown, language].filter(Boolean).forEach((one) => one.addEventListener('change', filter));
  document.querySelectorAll('thead button').forEach((button) => button.addEventListener('click', () => sort(button)));
  document.querySelector('.controls').hidden = false;
  filter();
})();
