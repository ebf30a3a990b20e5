// The native side puts its plugins on `Capacitor.Plugins`, so no bundler is needed; in a browser there are none.
const { CapacitorUpdater } = globalThis.Capacitor?.Plugins ?? {};

const VERSION = '1.0.0';
const HALF_TIDE = 6 * 60 + 12.6; // minutes from high to low water: half of 12 h 25.2 min
const MINUTE = 60_000;

/** The next `count` high waters after `from`, counted from one that was known. */
function highWaters(from, count) {
  const known = Date.UTC(2024, 0, 1, 3, 20);
  const period = 2 * HALF_TIDE * MINUTE;
  const first = Math.ceil((from - known) / period);
  return Array.from({ length: count }, (_, index) => new Date(known + (first + index) * period));
}

function show() {
  const now = new Date();
  const tides = highWaters(now.getTime(), 6);
  const minutes = Math.round((tides[0] - now) / MINUTE);
  const rising = minutes < HALF_TIDE;
  document.querySelector('#now').textContent =
    `The water is ${rising ? 'rising' : 'falling'}; high water in ${Math.floor(minutes / 60)} h ${minutes % 60} min.`;
  document.querySelector('#tides').replaceChildren(...tides.map(row));
  document.querySelector('#version').textContent = VERSION;
}

function row(tide) {
  const element = document.createElement('tr');
  const day = tide.toLocaleDateString(undefined, { weekday: 'long' });
  const time = tide.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
  for (const text of [day, time]) {
    element.append(Object.assign(document.createElement('td'), { textContent: text }));
  }
  return element;
}

show();
setInterval(show, MINUTE);

// Tells the updater that this bundle works. Without this call it is rolled back at the next start.
await CapacitorUpdater?.notifyAppReady();
