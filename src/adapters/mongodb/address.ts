/** The address without user, password and options: fit to be shown. */
export const shown = (url: string): string => url.replace(/^([a-z+]+:\/\/)[^/]*@/i, '$1').split('?')[0] as string;
