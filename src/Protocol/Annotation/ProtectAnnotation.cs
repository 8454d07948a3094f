// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text;
using System.Xml;
using Hikae.Protocol.Configuration;

namespace Hikae.Protocol.Annotation;

/// <summary>
/// The one element with which a guest opts in:
/// <c>&lt;hikae:protect xmlns:hikae="urn:hikae:domain:1" backup="HOST[:PORT]" outputs="unheld" interval="MS" priority="N"/&gt;</c>
/// as a child of the domain's <c>metadata</c>.
/// </summary>
/// <param name="Backup">The host that keeps the replica.</param>
/// <param name="Outputs">Whether packets wait for the commit.</param>
/// <param name="Interval">The guest's own pace of checkpoints; null: that of hikae.conf.</param>
/// <param name="Priority">0 to <see cref="MaxPriority"/>: when a backup has to continue several guests, those with the higher number come first.</param>
public sealed record ProtectAnnotation(
    HostAddress Backup, GuestOutputs Outputs = GuestOutputs.Held, TimeSpan? Interval = null, int Priority = ProtectAnnotation.DefaultPriority)
{
    /// <summary>The priority of a guest that names none.</summary>
    public const int DefaultPriority = 50;

    /// <summary>The highest priority.</summary>
    public const int MaxPriority = 100;

    /// <summary>Whether packets and disk writes wait for the commit.</summary>
    public bool HoldsOutputs => Outputs is not GuestOutputs.Unheld;

    /// <summary>The longest interval, in milliseconds; same bound as interval_ms in hikae.conf.</summary>
    public const int MaxIntervalMs = 60_000;

    /// <summary>Finds and reads the annotation in a whole domain XML, as virDomainGetXMLDesc gives it.</summary>
    /// <param name="domainXml">At most <see cref="DomainMetadata.MaxXmlLength"/> characters; a DTD is refused.</param>
    /// <param name="annotation">Not null if and only if the answer is Valid.</param>
    /// <param name="reason">A sentence for the user; not null if and only if the answer is Malformed.</param>
    public static AnnotationOutcome TryParse(ReadOnlySpan<char> domainXml, out ProtectAnnotation? annotation, out string? reason)
    {
        annotation = null;
        reason = null;
        bool found = false;
        try
        {
            using XmlReader reader = DomainMetadata.Open(domainXml);
            while (DomainMetadata.ReadToNextElement(reader))
            {
                if (reader.NamespaceURI != HikaeNamespaces.Domain)
                {
                    continue;
                }

                if (found)
                {
                    throw new FormatException("the domain has more than one protect element");
                }

                found = true;
                annotation = ReadElement(reader);
            }
        }
        catch (Exception e) when (e is FormatException or XmlException)
        {
            annotation = null;
            reason = e is XmlException ? $"the domain XML cannot be read: {e.Message}" : e.Message;
            return AnnotationOutcome.Malformed;
        }

        return found ? AnnotationOutcome.Valid : AnnotationOutcome.None;
    }

    /// <summary>The priority in a domain XML; the default where there is no annotation, or one that cannot be read.</summary>
    public static int PriorityOf(string domainXml)
    {
        TryParse(domainXml, out ProtectAnnotation? annotation, out _);
        return annotation?.Priority ?? DefaultPriority;
    }

    /// <summary>The same wish with another backup, for instance after the roles changed.</summary>
    public ProtectAnnotation WithBackup(HostAddress backup) => this with { Backup = backup };

    /// <summary>Whether anything but the priority is another: the backup learns that with the domain's XML, without a new session.</summary>
    public bool DiffersBeyondPriority(ProtectAnnotation? other) => other is null || this with { Priority = other.Priority } != other;

    /// <summary>The element as it stands in a domain's XML.</summary>
    public string ToXml() => Write(HikaeNamespaces.Prefix, HikaeNamespaces.Domain);

    /// <summary>The element as virDomainSetMetadata and virsh want it: without prefix; libvirt adds key and URI itself.</summary>
    public string ToMetadataXml() => Write(null, null);

    private static ProtectAnnotation ReadElement(XmlReader reader)
    {
        if (reader.LocalName != "protect")
        {
            throw new FormatException($"unknown element \"{reader.LocalName}\" in {HikaeNamespaces.Domain}; the only one is \"protect\"");
        }

        HostAddress? backup = null;
        GuestOutputs outputs = GuestOutputs.Held;
        TimeSpan? interval = null;
        int priority = DefaultPriority;
        while (reader.MoveToNextAttribute())
        {
            if (reader.NamespaceURI == "http://www.w3.org/2000/xmlns/")
            {
                continue;
            }

            string value = reader.Value;
            switch (reader.Name)
            {
                case "backup":
                    backup = HostAddress.TryParse(value, out HostAddress? address)
                        ? address
                        : throw new FormatException($"backup=\"{Shown(value)}\" is no host; use HOST or HOST:PORT");
                    break;
                case "outputs":
                    outputs = value switch
                    {
                        "held" => GuestOutputs.Held,
                        "unheld" => GuestOutputs.Unheld,
                        _ => throw new FormatException($"outputs=\"{Shown(value)}\" is unknown; use held or unheld"),
                    };
                    break;
                case "interval":
                    interval = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int ms) && ms is >= 1 and <= MaxIntervalMs
                        ? TimeSpan.FromMilliseconds(ms)
                        : throw new FormatException($"interval=\"{Shown(value)}\" is no number of milliseconds from 1 to {MaxIntervalMs}");
                    break;
                case "priority":
                    priority = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= MaxPriority
                        ? number
                        : throw new FormatException($"priority=\"{Shown(value)}\" is no number from 0 to {MaxPriority}");
                    break;
                default:
                    throw new FormatException($"unknown attribute \"{Shown(reader.Name)}\"; known are backup, outputs, interval and priority");
            }
        }

        reader.MoveToElement();
        if (!reader.IsEmptyElement && DomainMetadata.HasContent(reader))
        {
            throw new FormatException("the protect element must be empty");
        }

        return new ProtectAnnotation(backup ?? throw new FormatException("the attribute backup is missing"), outputs, interval, priority);
    }

    /// <summary>A guest's XML can hold anything: what we repeat of it stays one short line.</summary>
    private static string Shown(string value)
    {
        const int MaxShown = 80;
        string line = string.Concat(value.Take(MaxShown).Select(c => char.IsControl(c) ? '?' : c));
        return value.Length > MaxShown ? line + "…" : line;
    }

    private string Write(string? prefix, string? uri)
    {
        var text = new StringBuilder();
        using (XmlWriter writer = XmlWriter.Create(text, new XmlWriterSettings { OmitXmlDeclaration = true }))
        {
            writer.WriteStartElement(prefix, "protect", uri);
            writer.WriteAttributeString("backup", Backup.ToString());
            if (Outputs == GuestOutputs.Unheld)
            {
                writer.WriteAttributeString("outputs", "unheld");
            }

            if (Interval is TimeSpan interval)
            {
                writer.WriteAttributeString("interval", ((int)interval.TotalMilliseconds).ToString(CultureInfo.InvariantCulture));
            }

            if (Priority != DefaultPriority)
            {
                writer.WriteAttributeString("priority", Priority.ToString(CultureInfo.InvariantCulture));
            }

            writer.WriteEndElement();
        }

        return text.ToString();
    }
}
