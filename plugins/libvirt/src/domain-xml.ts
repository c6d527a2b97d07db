import { DOMParser, onErrorStopParsing, XMLSerializer, type Document, type Element } from '@xmldom/xmldom';

/** The root element of a domain's XML. @throws Error that says what is not well-formed */
function domainElement(xml: string): { document: Document; domain: Element } {
  const document = new DOMParser({ onError: onErrorStopParsing }).parseFromString(xml, 'text/xml');
  const domain = document.documentElement;
  // libvirt's own elements have no namespace; those with one are a hypervisor's extensions.
  if (!domain || !isPlain(domain) || domain.localName !== 'domain') {
    throw new Error(`a <domain> expected, <${domain?.nodeName ?? ''}> found`);
  }
  return { document, domain };
}

function children(parent: Element, name: string): Element[] {
  return [...parent.childNodes].filter(
    (node): node is Element => node.nodeType === node.ELEMENT_NODE && node.localName === name && isPlain(node),
  );
}

function isPlain({ namespaceURI }: { readonly namespaceURI: string | null }): boolean {
  return namespaceURI === null || namespaceURI === '';
}

/** The MAC addresses of all interfaces, in the order of the devices, as `52:54:00:00:00:01`. */
export function macsOf(xml: string): string[] {
  const { domain } = domainElement(xml);
  const interfaces = children(domain, 'devices').flatMap((devices) => children(devices, 'interface'));
  const macs = interfaces.flatMap((device) => children(device, 'mac'));
  return macs.flatMap((mac) => mac.getAttribute('address')?.trim().toLowerCase() ?? []);
}

/** The names on the host of a running domain's interfaces, such as `vnet0`. */
export function interfacesOf(xml: string): string[] {
  const { domain } = domainElement(xml);
  const interfaces = children(domain, 'devices').flatMap((devices) => children(devices, 'interface'));
  const targets = interfaces.flatMap((device) => children(device, 'target'));
  return targets.flatMap((target) => target.getAttribute('dev') ?? []);
}

/** The name and uuid in a domain's XML. @throws Error that says what is not well-formed or missing */
export function identityIn(xml: string): { readonly name: string; readonly uuid?: string } {
  const { domain } = domainElement(xml);
  const text = (name: string): string | undefined => children(domain, name)[0]?.textContent?.trim();
  const name = text('name');
  if (!name) throw new Error('it gives the domain no <name>');
  const uuid = text('uuid')?.toLowerCase();
  return { name, ...(uuid && { uuid }) };
}

/** The same definition for the domain with that uuid. */
export function withUuid(xml: string, uuid: string): string {
  const { document, domain } = domainElement(xml);
  let [element] = children(domain, 'uuid');
  if (!element) {
    element = document.createElement('uuid');
    domain.insertBefore(element, domain.firstChild);
  }
  element.textContent = uuid;
  return new XMLSerializer().serializeToString(document);
}
