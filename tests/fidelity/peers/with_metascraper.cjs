// metascraper with its usual rules; see answering.py for how it is asked.
//
// Its title is that of the article, and counts for the document's as well; its publisher is mostly
// the site's name, and counts for the publisher as well. Its `date` is the one of publication where it is not the one of the last change.
'use strict'

const { createRequire } = require('node:module')
const path = require('node:path')
const readline = require('node:readline')

const installed = createRequire(path.join(process.argv[2], 'package.json'))

const metascraper = installed('metascraper')([
  installed('metascraper-author')(),
  installed('metascraper-date')({ datePublished: true, dateModified: true }),
  installed('metascraper-description')(),
  installed('metascraper-feed')(),
  installed('metascraper-image')(),
  installed('metascraper-lang')(),
  installed('metascraper-logo')(),
  installed('metascraper-publisher')(),
  installed('metascraper-title')(),
  installed('metascraper-url')()
])

const said = found => ({
  title: found.title,
  headline: found.title,
  description: found.description,
  canonical: found.url,
  lang: found.lang,
  feeds: found.feed ? [{ url: found.feed }] : [],
  author: found.author ? found.author.split(/\s+(?:and|&)\s+|[,;]\s+/) : [],
  site_name: found.publisher,
  publisher: found.publisher,
  published: found.datePublished || (found.date === found.dateModified ? null : found.date),
  modified: found.dateModified,
  image: found.image,
  logo: found.logo
})

const write = told => process.stdout.write(JSON.stringify(told) + '\n')

const main = async () => {
  write({
    version: installed('metascraper/package.json').version,
    fields: Object.keys(said({})),
    lent: ['publisher']
  })
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { url, html } = JSON.parse(line)
    try {
      write({ said: said(await metascraper({ url, html })) })
    } catch (error) {
      write({ error: String(error).slice(0, 200) })
    }
  }
}

main()
