// A small site with every Markdown feature that decides a URL, an anchor or the text of a page.
// `golden.json` holds what Docusaurus 3.10.2 made of it.
module.exports = {
  title: 'Feature site',
  url: 'https://docs.example.com',
  baseUrl: '/book/',
  onBrokenLinks: 'ignore',
  onBrokenAnchors: 'ignore',
  markdown: {hooks: {onBrokenMarkdownLinks: 'ignore', onBrokenMarkdownImages: 'ignore'}},
  plugins: [['@docusaurus/plugin-content-docs', {path: 'docs', routeBasePath: '/manual'}]],
  themes: ['@docusaurus/theme-classic'],
};
