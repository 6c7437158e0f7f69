export {
  decodeSections,
  encodeSections,
  readSections,
  writeSections,
  type SectionArray,
  type Sections,
} from './sections.js';
