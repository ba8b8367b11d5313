/** The theme that the user chose: `system`, `light` or `dark`. The page is drawn after this has run, so that nothing flashes. */

const NAME = 'cgroup theme';

apply(stored());

/** Lets the user choose. @param {HTMLSelectElement} select */
export function chooseTheme(select) {
  select.value = document.documentElement.dataset.theme ?? 'system';
  select.addEventListener('change', () => {
    apply(select.value);
    try {
      localStorage.setItem(NAME, select.value);
    } catch {
      // It lasts until the page is left.
    }
    // The charts have their own colours.
    document.dispatchEvent(new Event('theme'));
  });
}

function apply(theme) {
  const { dataset } = document.documentElement;
  if (theme === 'light' || theme === 'dark') dataset.theme = theme;
  else delete dataset.theme;
}

function stored() {
  try {
    return localStorage.getItem(NAME);
  } catch {
    return null;
  }
}
