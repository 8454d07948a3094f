// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Reflection;
using Hikae.Harness;
using Hikae.Native.Libvirt;
using Xunit;

namespace Hikae.Native.Tests.LibvirtTests;

/// <summary>Every number we share with libvirt, as the C compiler reads it from the installed headers.</summary>
public sealed class HeaderTests
{
    private static readonly string[] Headers = ["libvirt/libvirt.h", "libvirt/libvirt-qemu.h", "libvirt/virterror.h"];

    // libvirt's name is the prefix and our words in capitals; the second list has those that are not.
    private static readonly (Type Type, string Prefix)[] Enums =
    [
        (typeof(DomainState), "VIR_DOMAIN_"),
        (typeof(DomainCreateFlags), "VIR_DOMAIN_START_"),
        (typeof(DomainUndefineFlags), "VIR_DOMAIN_UNDEFINE_"),
        (typeof(DomainXmlFlags), "VIR_DOMAIN_XML_"),
        (typeof(DomainAffect), "VIR_DOMAIN_AFFECT_"),
        (typeof(DomainLifecycle), "VIR_DOMAIN_EVENT_"),
    ];

    private static readonly Dictionary<string, string> Irregular = new()
    {
        ["DomainState.NoState"] = "VIR_DOMAIN_NOSTATE",
        ["DomainState.PMSuspended"] = "VIR_DOMAIN_PMSUSPENDED",
        ["DomainLifecycle.PMSuspended"] = "VIR_DOMAIN_EVENT_PMSUSPENDED",
        ["DomainCreateFlags.None"] = "VIR_DOMAIN_NONE",
        ["DomainCreateFlags.AutoDestroy"] = "VIR_DOMAIN_START_AUTODESTROY",
    };

    [Fact]
    public void Every_enum_value_and_every_constant_is_libvirts()
    {
        var ours = new Dictionary<string, long>();
        foreach ((Type type, string prefix) in Enums)
        {
            foreach (object value in Enum.GetValues(type))
            {
                // A flags enum's zero has no name in libvirt.
                string name = $"{type.Name}.{value}";
                if (!Irregular.TryGetValue(name, out string? native))
                {
                    if (value.ToString() == "None")
                    {
                        continue;
                    }

                    native = prefix + InCapitals(value.ToString()!);
                }

                ours[native] = Convert.ToInt64(value, CultureInfo.InvariantCulture);
            }
        }

        foreach (Type type in new[] { typeof(LibvirtErrorCode), typeof(LibvirtApi), typeof(LibvirtQemuApi) })
        {
            foreach (FieldInfo field in type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            {
                if (field.IsLiteral && field.Name.StartsWith("VIR_", StringComparison.Ordinal))
                {
                    ours[field.Name] = Convert.ToInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture);
                }
            }
        }

        IReadOnlyDictionary<string, long> theirs = CProgram.Evaluate(Headers, ours.Keys);

        Assert.True(ours.Count > 60, $"only {ours.Count} values found");
        Assert.All(ours, pair => Assert.Equal((pair.Key, theirs[pair.Key]), (pair.Key, pair.Value)));
    }

    [Fact]
    public void Types_in_signatures_have_the_sizes_we_give_them()
    {
        IReadOnlyDictionary<string, long> sizes = CProgram.Evaluate(
            Headers, ["sizeof(int)", "sizeof(unsigned long)", "sizeof(long long)", "sizeof(size_t)", "sizeof(virDomainPtr)"]);

        Assert.Equal(sizeof(int), sizes["sizeof(int)"]);
        Assert.Equal(sizeof(long), sizes["sizeof(long long)"]);
        Assert.Equal(IntPtr.Size, sizes["sizeof(unsigned long)"]);
        Assert.Equal(IntPtr.Size, sizes["sizeof(size_t)"]);
        Assert.Equal(IntPtr.Size, sizes["sizeof(virDomainPtr)"]);
    }

    [Fact]
    public void Functions_and_callbacks_have_the_signatures_we_call_them_with()
    {
        // The compiler refuses an assignment between function pointers of different types, which -Werror makes an error.
        CProgram.Run(
            """
            #include <libvirt/libvirt.h>
            #include <libvirt/libvirt-qemu.h>
            #include <libvirt/virterror.h>
            static int (*lookup_state)(virDomainPtr, int *, int *, unsigned int) = virDomainGetState;
            static int (*register_any)(virConnectPtr, virDomainPtr, int, virConnectDomainEventGenericCallback, void *, virFreeCallback)
                = virConnectDomainEventRegisterAny;
            static int (*register_close)(virConnectPtr, void (*)(virConnectPtr, int, void *), void *, void (*)(void *))
                = virConnectRegisterCloseCallback;
            static int (*keep_alive)(virConnectPtr, int, unsigned int) = virConnectSetKeepAlive;
            static int (*lib_version)(virConnectPtr, unsigned long *) = virConnectGetLibVersion;
            static int (*list)(virConnectPtr, virDomainPtr **, unsigned int) = virConnectListAllDomains;
            static char *(*capabilities)(virConnectPtr, const char *, const char *, const char *, const char *, unsigned int)
                = virConnectGetDomainCapabilities;
            static int (*set_metadata)(virDomainPtr, int, const char *, const char *, const char *, unsigned int) = virDomainSetMetadata;
            static char *(*get_metadata)(virDomainPtr, int, const char *, unsigned int) = virDomainGetMetadata;
            static int (*channel)(virDomainPtr, const char *, virStreamPtr, unsigned int) = virDomainOpenChannel;
            static int (*receive)(virStreamPtr, char *, size_t) = virStreamRecv;
            static int (*send)(virStreamPtr, const char *, size_t) = virStreamSend;
            static int (*monitor)(virDomainPtr, const char *, char **, unsigned int) = virDomainQemuMonitorCommand;
            static int (*monitor_files)(virDomainPtr, const char *, unsigned int, int *, unsigned int *, int **, char **, unsigned int)
                = virDomainQemuMonitorCommandWithFiles;
            static void on_event(virConnectPtr c, virDomainPtr d, const char *event, long long seconds, unsigned int micros,
                const char *details, void *opaque) {}
            static virConnectDomainQemuMonitorEventCallback monitor_event = on_event;
            static int on_lifecycle(virConnectPtr c, virDomainPtr d, int event, int detail, void *opaque) { return 0; }
            static virConnectDomainEventCallback lifecycle = on_lifecycle;
            static void on_reboot(virConnectPtr c, virDomainPtr d, void *opaque) {}
            static virConnectDomainEventGenericCallback reboot = on_reboot;
            static void on_metadata(virConnectPtr c, virDomainPtr d, int type, const char *uri, void *opaque) {}
            static virConnectDomainEventMetadataChangeCallback metadata = on_metadata;
            static void on_device(virConnectPtr c, virDomainPtr d, const char *alias, void *opaque) {}
            static virConnectDomainEventDeviceAddedCallback added = on_device;
            static virConnectDomainEventDeviceRemovedCallback removed = on_device;
            static void on_job(virConnectPtr c, virDomainPtr d, const char *disk, int type, int status, void *opaque) {}
            static virConnectDomainEventBlockJobCallback job = on_job;
            static void on_size(virConnectPtr c, virDomainPtr d, const char *alias, unsigned long long size, void *opaque) {}
            static virConnectDomainEventMemoryDeviceSizeChangeCallback size = on_size;
            int main(void) { return 0; }
            """,
            "-Werror",
            "-Wno-unused-variable",
            "-lvirt",
            "-lvirt-qemu");
    }

    // KeepNvram -> KEEP_NVRAM
    private static string InCapitals(string name) => string.Concat(
        name.Select((letter, index) => index > 0 && char.IsUpper(letter) ? $"_{letter}" : $"{char.ToUpperInvariant(letter)}"));
}
