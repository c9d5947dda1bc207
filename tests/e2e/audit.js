// What a screen reader, or an eye that sees less, would stumble over in a page: WCAG 2.2, AA.
() => {
  const found = [];
  const tell = (rule, element) => found.push(`${rule}: ${element.outerHTML.slice(0, 120)}`);
  const all = (query) => [...document.querySelectorAll(query)];
  const name = (element) => (element.getAttribute("aria-label") || element.textContent).trim();
  const isShown = (element) => !element.closest(".spoken, noscript, head") && element.getClientRects().length;

  // colours, as WCAG 2 counts contrast
  const read = (text) => text.match(/[\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const paper = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = read(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  for (const element of all("body *")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!hasText || !isShown(element) || element.closest("svg")) continue;
    const [one, two] = [light(read(getComputedStyle(element).color)), light(paper(element))];
    const contrast = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (contrast < 4.5) tell(`contrast ${contrast.toFixed(2)}`, element);
  }

  // structure
  if (!document.documentElement.lang || !document.title) tell("language and title", document.head);
  for (const landmark of ["header", "main", "footer"])
    if (all(`body > ${landmark}`).length !== 1) tell(`one ${landmark}`, document.body);
  let level = 0;
  for (const heading of all("h1, h2, h3, h4")) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1 || !name(heading)) tell("headings in order", heading);
    level = own;
  }
  if (all("h1").length !== 1) tell("one h1", document.body);
  for (const element of all("section, nav, [role=region]"))
    if (!element.getAttribute("aria-label") && !element.getAttribute("aria-labelledby")) tell("name", element);
  for (const element of all("a, button")) if (!name(element)) tell("name", element);
  const links = {};
  for (const link of all("a")) (links[name(link)] ??= new Set()).add(link.href);
  for (const [words, places] of Object.entries(links))
    if (places.size > 1) found.push(`two places have one name: ${words}`);
  for (const picture of all("svg"))
    if (picture.getAttribute("role") !== "img" || !picture.querySelector(":scope > title")) tell("picture", picture);
  for (const list of all("ul, ol"))
    if ([...list.children].some(({ tagName }) => tagName !== "LI")) tell("list", list);
  for (const table of all("table"))
    if (!table.caption || !table.querySelector("th[scope=col]")) tell("table", table);
  const ids = all("[id]").map(({ id }) => id);
  if (new Set(ids).size !== ids.length) found.push(`ids: ${ids}`);
  for (const attribute of ["aria-labelledby", "aria-describedby"])
    for (const element of all(`[${attribute}]`))
      for (const id of element.getAttribute(attribute).split(" "))
        if (!document.getElementById(id)) tell(`no ${id}`, element);
  return found;
}
